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
        let words: Vec<&str> = command.split(' ').collect();
        let said = help(&words);
        let path = folder.join(format!("{}.txt", words.join("-")));
        if update {
            std::fs::write(&path, &said).unwrap();
        }
        let agreed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(said, agreed, "{}", path.display());
    }
}

fn help(words: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_skykey"))
        .args(words)
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    String::from_utf8(run.stdout).unwrap()
}

/// Each command is in one of two groups, whatever is added.
#[test]
fn the_first_help_is_for_people() {
    let said = help(&[]);
    assert!(said.starts_with("The keys to the sky: "), "{said}");
    let (people, rest) = said
        .split_once("For people:\n")
        .and_then(|(_, rest)| rest.split_once("For those who run skykey:\n"))
        .unwrap();
    let (operators, _) = rest.split_once("Options:\n").unwrap();
    let names = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.split_whitespace().next())
            .map(ToOwned::to_owned)
            .collect()
    };
    let (people, operators) = (names(people), names(operators));
    for command in COMMANDS.iter().filter(|command| !command.contains(' ')) {
        assert!(people.iter().any(|name| name == command), "{said}");
    }
    assert_eq!(operators, ["up", "survey", "doctor", "jupyter"], "{said}");
    assert_eq!(people[0], "login", "{said}");
}
