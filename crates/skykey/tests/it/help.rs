//! What `--help` says of each command, and what typical mistakes are answered with, compared with the
//! files beside this one. `SKYKEY_UPDATE_HELP=1` writes them anew; read the difference before it is committed.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Every command, by what is typed.
const COMMANDS: [&str; 25] = [
    "",
    "agent",
    "agent env",
    "agent status",
    "cat",
    "completions",
    "cp",
    "credentials",
    "doctor",
    "exec",
    "jupyter",
    "jupyter config",
    "leases",
    "login",
    "logout",
    "ls",
    "man",
    "request",
    "revoke",
    "setup",
    "survey",
    "survey apply",
    "surveys",
    "up",
    "whoami",
];

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1/";

/// Mistakes, a file each: what was typed, and which portals a login is kept of.
const MISTAKES: [(&str, &[&str], &[&str]); 9] = [
    (
        "arguments",
        &[
            "credentials",
            "credentials --survey M13",
            "credentials --survey m13 --lifetime soon",
            "credentials --survey m13 --lifetime=-1h",
            "credentials --survey m13 --format xml",
            "exec --survey m13",
            "exec --survey m13 python reduce.py",
            "request /m13//readers --note why",
            "request m13/readers",
            "revoke",
            "setup --profile mine",
            "completions csh",
            "man",
            "nonsense",
        ],
        &[],
    ),
    (
        "portal",
        &[
            "whoami --portal skykey.example.org",
            "whoami --portal http://skykey.example.org/",
            "login --portal https://ada@skykey.example.org/",
        ],
        &[],
    ),
    (
        "objects",
        &[
            "ls m13/",
            "ls s3://M13/",
            "cat",
            "cat /m13/a.fits",
            "cat s3://m13/fields/",
            "cp s3://m13/a.fits",
            "cp a.fits b.fits",
            "cp s3://m13/a.fits s3://m13/b.fits",
            "cp a.fits s3://m13/",
            "cp --write nowhere.fits s3://m13/",
            "cp --write --recursive a s3://m13/",
            "cp --write s3://m13/a.fits .",
            "cp s3://m13/fields/ .",
            "cp s3://m13/a.fits -",
            "cp --at-once 0 s3://m13/a.fits .",
        ],
        &[],
    ),
    (
        "not-logged-in",
        &[
            "whoami",
            "surveys",
            "leases",
            "request m13/readers --note why",
            "credentials --survey m13",
            "exec --survey m13 -- true",
            "setup",
            "revoke lease-00",
            "logout",
            "ls",
            "cat s3://m13/a.fits",
            "cp s3://m13/a.fits .",
        ],
        &[],
    ),
    (
        "unknown-portal",
        &["login --portal http://127.0.0.1:1/"],
        &[],
    ),
    (
        "portal-away",
        &[
            "whoami",
            "surveys",
            "leases",
            "credentials --survey m13",
            "exec --survey m13 -- true",
            "setup",
            "revoke lease-00",
            "ls",
            "cat s3://m13/a.fits",
            "cp s3://m13/a.fits .",
        ],
        &[NOBODY],
    ),
    (
        "two-portals",
        &[
            "whoami",
            "credentials --survey m13",
            "ls",
            "doctor --me",
            "logout",
        ],
        &[NOBODY, "https://skykey.example.org/"],
    ),
    (
        "doctor",
        &[
            "doctor --me --patient",
            "doctor --me --config skykey.toml",
            "doctor --survey m13",
            "doctor --state nowhere",
            "doctor --config nowhere.toml",
        ],
        &[],
    ),
    (
        "operators",
        &[
            "survey",
            "survey apply",
            "survey apply --config nowhere.toml",
            "revoke --project lsst-ro",
            "revoke --project lsst-ro --config nowhere.toml",
            "jupyter config",
            "jupyter config --portal http://skykey.example.org/ --s3 https://s3.example.org/",
            "up --base-port 65533",
            "up --survey m13",
            "up --config nowhere.toml",
        ],
        &[],
    ),
];

fn skykey(words: &[&str], home: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skykey"))
        .args(words)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .output()
        .unwrap()
}

/// Compares with the file that was agreed on, or writes it.
fn agree(name: &str, said: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help");
    let path: PathBuf = folder.join(format!("{name}.txt"));
    if std::env::var_os("SKYKEY_UPDATE_HELP").is_some() {
        std::fs::write(&path, said).unwrap();
    }
    let agreed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(said, agreed, "{}", path.display());
}

#[test]
fn the_help_of_each_command_is_what_was_read_and_agreed() {
    let home = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        let name = match words.as_slice() {
            [] => "skykey".to_owned(),
            words => words.join("-"),
        };
        words.push("--help");
        let run = skykey(&words, home.path());
        assert!(run.status.success() && run.stderr.is_empty(), "{command}");
        agree(&name, &String::from_utf8(run.stdout).unwrap());
    }
}

/// Each command is in one of two groups, whatever is added.
#[test]
fn the_first_help_is_for_people() {
    let home = tempfile::tempdir().unwrap();
    let run = skykey(&["--help"], home.path());
    let said = String::from_utf8(run.stdout).unwrap();
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
    let first = COMMANDS
        .iter()
        .filter(|command| !command.contains(' ') && !command.is_empty());
    for command in first {
        let is_in = |names: &[String]| names.iter().any(|name| name == command);
        assert!(is_in(&people) != is_in(&operators), "{command}: {said}");
    }
    assert_eq!(operators, ["up", "survey", "doctor", "jupyter"], "{said}");
    assert_eq!(people[0], "login", "{said}");
}

#[test]
fn no_command_is_left_out() {
    let home = tempfile::tempdir().unwrap();
    let run = skykey(&["man", "pages"], home.path());
    assert!(run.status.success());
    let mut pages: Vec<String> = std::fs::read_dir(home.path().join("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let mut known: Vec<String> = COMMANDS
        .iter()
        .map(|command| {
            let words: Vec<&str> = ["skykey"]
                .into_iter()
                .chain(command.split_whitespace())
                .collect();
            format!("{}.1", words.join("-"))
        })
        .collect();
    known.sort();
    assert_eq!(pages, known, "add a new command to COMMANDS");
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    for (name, commands, portals) in MISTAKES {
        let home = tempfile::tempdir().unwrap();
        for portal in portals {
            log_in(home.path(), portal);
        }
        let mut said = String::new();
        for command in commands {
            let words: Vec<&str> = command.split_whitespace().collect();
            let run = skykey(&words, home.path());
            let code = run.status.code().unwrap();
            let _ = writeln!(said, "$ skykey {command}");
            if !run.stdout.is_empty() {
                said += &String::from_utf8(run.stdout).unwrap();
            }
            said += &String::from_utf8(run.stderr).unwrap();
            let _ = writeln!(said, "[{code}]\n");
        }
        let said = said.replace(home.path().to_str().unwrap(), "~");
        agree(&format!("errors/{name}"), &said);
    }
}

/// What a login leaves, with a token that has long to go.
fn log_in(home: &Path, portal: &str) {
    let name: String = url::form_urlencoded::byte_serialize(portal.as_bytes()).collect();
    let folder = home.join(".local/state/skykey/portals").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let login = serde_json::json!({
        "issuer": portal, "client_id": "skykey-cli", "username": "ada", "name": "Ada Lovelace",
        "access_token": "x", "expires": "2099-01-01T00:00:00Z", "refresh_token": "y",
    });
    let path = folder.join("login.json");
    std::fs::write(&path, login.to_string()).unwrap();
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, owner_only).unwrap();
}
