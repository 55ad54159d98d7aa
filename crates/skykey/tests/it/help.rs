//! What `--help` says of each command of a person, compared with the files beside this one.
//! `SKYKEY_UPDATE_HELP=1` writes them anew; read the difference before it is committed.

use std::path::Path;
use std::process::Command;

const COMMANDS: [&str; 13] = [
    "agent",
    "agent env",
    "agent status",
    "credentials",
    "exec",
    "leases",
    "login",
    "logout",
    "request",
    "revoke",
    "setup",
    "surveys",
    "whoami",
];

#[test]
fn the_help_of_each_command_is_what_was_read_and_agreed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help");
    let update = std::env::var_os("SKYKEY_UPDATE_HELP").is_some();
    for command in COMMANDS {
        let run = Command::new(env!("CARGO_BIN_EXE_skykey"))
            .args(command.split(' '))
            .arg("--help")
            .env_clear()
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        let path = folder.join(format!("{}.txt", command.replace(' ', "-")));
        if update {
            std::fs::write(&path, &said).unwrap();
        }
        let agreed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(said, agreed, "{}", path.display());
    }
}
