//! Manual pages and completions are what the programs that read them take, as far as those are here.

use std::path::Path;
use std::process::{Command, Stdio};

fn skykey(words: &[&str]) -> Vec<u8> {
    let run = Command::new(env!("CARGO_BIN_EXE_skykey"))
        .args(words)
        .output()
        .unwrap();
    assert!(run.status.success() && run.stderr.is_empty(), "{words:?}");
    run.stdout
}

/// What a program says of a file on standard error and standard output; nothing if it is not here.
fn said_of(program: &str, words: &[&str], path: &Path) -> Option<(bool, String)> {
    let run = Command::new(program)
        .args(words)
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let said = [run.stdout, run.stderr].concat();
    Some((
        run.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}

#[test]
fn manual_pages_are_taken_without_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    skykey(&["man", dir.path().to_str().unwrap()]);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for section in [".TH skykey", ".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"] {
            assert!(
                text.contains(section),
                "{section} is not in {}",
                path.display()
            );
        }
        let groff = said_of("groff", &["-man", "-ww", "-z", "-Tutf8"], &path);
        let checked = groff.or_else(|| said_of("mandoc", &["-T", "lint", "-W", "error"], &path));
        if let Some((well, said)) = checked {
            assert!(well && said.is_empty(), "{}: {said}", path.display());
        }
    }
}

#[test]
fn completions_are_what_the_shells_can_read_and_name_every_command() {
    let dir = tempfile::tempdir().unwrap();
    for (shell, words) in [
        ("bash", ["-n"]),
        ("zsh", ["-n"]),
        ("fish", ["--no-execute"]),
    ] {
        let script = skykey(&["completions", shell]);
        let text = String::from_utf8(script.clone()).unwrap();
        for word in ["credentials", "doctor", "--recursive", "--survey"] {
            assert!(
                text.contains(word.trim_start_matches('-')),
                "{shell}: {word}"
            );
        }
        // Between quotes a shell would run it.
        assert!(!text.contains("$(skykey"), "{shell}");
        let path = dir.path().join(shell);
        std::fs::write(&path, script).unwrap();
        if let Some((well, said)) = said_of(shell, &words, &path) {
            assert!(well && said.is_empty(), "{shell}: {said}");
        }
    }
}
