//! `environment.md`: the variables, and that the sources know no others.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use skykey_cli::variables::{Side, VARIABLES};

use super::{agree, code, root, table};

/// Where variables are read.
const SOURCES: [&str; 5] = ["crates", "python", "tests", "deploy", "examples"];
/// Names in skykey's code that are no environment variables.
const OTHERS: [&str; 1] = ["SKYKEY_SECRET"];

#[test]
fn the_page_is_what_the_code_declares() {
    let mut text = "# Environment variables\n\n\
        Generated from `crates/cli/src/variables.rs`. Beside them every command takes the usual variables of a proxy\n\
        (`HTTPS_PROXY`, `NO_PROXY`). A secret of the configuration may be in any variable that the configuration names.\n"
        .to_owned();
    for (side, title) in [
        (
            Side::Operator,
            "Read by `skykey up` and the operators' commands",
        ),
        (Side::Person, "Read by a person's commands and the agent"),
        (Side::Set, "Set for the programs that a person runs"),
        (Side::Python, "Read by JupyterLab's status bar"),
        (Side::Tests, "Read by the tests"),
    ] {
        let _ = write!(text, "\n## {title}\n\n");
        let of_side = VARIABLES.iter().filter(|variable| variable.side == side);
        let rows = of_side.map(|variable| vec![code(variable.name), variable.meaning.to_owned()]);
        text += &table(&["variable", "meaning"], rows);
    }
    agree("environment.md", &text);
}

#[test]
fn the_sources_know_no_other_variables() {
    let mut found = BTreeSet::new();
    for folder in SOURCES {
        gather(&root().join(folder), &mut found);
    }
    let listed: BTreeSet<&str> = VARIABLES
        .iter()
        .map(|variable| variable.name)
        .filter(|name| name.starts_with("SKYKEY_"))
        .collect();
    let found: BTreeSet<&str> = found
        .iter()
        .map(String::as_str)
        .filter(|name| !OTHERS.contains(name))
        .collect();
    assert_eq!(found, listed, "crates/cli/src/variables.rs lists them");
}

/// The names with `SKYKEY_` in all text files below a folder.
fn gather(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, found);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            for (at, _) in text.match_indices("SKYKEY_") {
                let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
                let name: String = text[at..].chars().take_while(|c| is_part(*c)).collect();
                // A prefix on its own is no name.
                if name.len() > "SKYKEY_".len() {
                    found.insert(name);
                }
            }
        }
    }
}
