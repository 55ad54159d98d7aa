//! `exit-codes.md`: the exit codes of the command.

use skykey_cli::exit::EXIT_CODES;

use super::{agree, table};

#[test]
fn the_page_is_what_the_code_declares() {
    let text = "# Exit codes\n\n\
        Generated from `crates/cli/src/exit.rs`. `skykey exec` passes on the exit code of the command that it ran.\n\n";
    let rows = EXIT_CODES
        .iter()
        .map(|(code, meaning)| vec![code.to_string(), (*meaning).to_owned()]);
    let text = text.to_owned() + &table(&["exit code", "meaning"], rows);
    agree("exit-codes.md", &text);
}
