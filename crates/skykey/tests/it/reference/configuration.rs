//! `configuration.md`: the keys, their defaults and examples.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use skykey::config::{Config, Fallback, KEYS, Key};
use skykey_types::Secret;

use super::{agree, code, table};
use crate::realstack::secret_file;

/// What stands where a secret is.
const SECRET: &str = "{ file = \"secret\" }";

fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = Vec::new();
    for key in KEYS {
        if !sections.contains(&key.section) {
            sections.push(key.section);
        }
    }
    sections
}

fn keys_of(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section == section)
}

fn heading(section: &str) -> String {
    match section {
        "survey" => "[[survey]]".to_owned(),
        section => format!("[{section}]"),
    }
}

fn load(text: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    load_in(dir.path(), text)
}

fn load_in(dir: &Path, text: &str) -> Result<Config, String> {
    secret_file(&dir.join("secret"), &Secret::new("s"));
    let path = dir.join("skykey.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path), &[]).map_err(|error| error.to_string())
}

/// A file with those keys and the required ones; `value` is what a key is set to.
fn file(
    section_is_wanted: impl Fn(&str) -> bool,
    value: impl Fn(&Key) -> Option<String>,
) -> String {
    let mut text = String::new();
    for section in sections()
        .into_iter()
        .filter(|name| section_is_wanted(name))
    {
        let _ = writeln!(text, "{}", heading(section));
        for key in keys_of(section).filter(|key| key.kind != "section") {
            if let Some(value) = value(key) {
                let _ = writeln!(text, "{} = {value}", key.name);
            }
        }
    }
    text
}

fn example(key: &Key) -> String {
    match key.kind {
        "secret" => SECRET.to_owned(),
        _ => key.example.to_owned(),
    }
}

#[test]
fn the_page_is_what_the_code_declares() {
    let mut text = "# The configuration, key by key\n\n\
        Generated from `crates/skykey/src/config/keys.rs`; [operations.md](../operations.md#the-configuration) \
        explains the whole.\nA path is relative to the file. A secret is `{ file = \"PATH\" }`, one line, readable \
        only by its owner (mode 0600),\nor `{ env = \"NAME\" }`. A duration is a string such as `\"30s\"`, `\"5m\"` or \
        `\"12h\"`. An unknown key is an error.\n"
        .to_owned();
    for section in sections() {
        let _ = write!(text, "\n## `{}`\n\n", heading(section));
        let rows = keys_of(section).map(|key| {
            let default = match key.default {
                Fallback::Required => "**required**".to_owned(),
                Fallback::Value(value) => code(value),
                Fallback::Otherwise(words) => words.to_owned(),
            };
            let meaning = key.meaning.to_owned();
            vec![
                code(key.name),
                meaning,
                key.kind.to_owned(),
                default,
                code(key.example),
            ]
        });
        text += &table(&["key", "what it sets", "type", "default", "example"], rows);
    }
    agree("configuration.md", &text);
}

/// Each section names the keys that it accepts when it meets one that it does not know.
#[test]
fn every_key_that_is_accepted_is_in_the_list() {
    for section in sections() {
        let error = load(&format!("{}\nnope = 1\n", heading(section))).unwrap_err();
        let (_, accepted) = error
            .split_once("expected ")
            .unwrap_or_else(|| panic!("{section}: {error}"));
        let accepted: BTreeSet<&str> = accepted.split('`').skip(1).step_by(2).collect();
        let listed: BTreeSet<&str> = keys_of(section).map(|key| key.name).collect();
        assert_eq!(
            accepted, listed,
            "[{section}] in crates/skykey/src/config/keys.rs"
        );
    }
}

#[test]
fn what_is_a_default_is_what_holds_without_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = |section: &str| section != "survey" && section != "echo.admin";
    let required = |key: &Key| match key.default {
        Fallback::Required => Some(example(key)),
        _ => None,
    };
    let without = load_in(dir.path(), &file(wanted, required)).unwrap();
    let with = |key: &Key| match key.default {
        Fallback::Value(value) => Some(value.to_owned()),
        _ => required(key),
    };
    let with = load_in(dir.path(), &file(wanted, with)).unwrap();
    assert_eq!(format!("{without:?}"), format!("{with:?}"));
}

/// A site with systems of its own, and one that is all embedded: each accepts what the other does not.
#[test]
fn the_examples_are_accepted() {
    let site = |key: &Key| {
        let only_embedded = matches!(key.name, "images" | "cut");
        match (key.section, key.name) {
            ("survey", _) if only_embedded => None,
            ("survey", "methods") => Some("[\"sts-lite\", \"assume-role\", \"ec2\"]".to_owned()),
            _ => Some(example(key)),
        }
    };
    load(&file(|_| true, site)).unwrap();
    load(&file(
        |section| section == "survey",
        |key| Some(example(key)),
    ))
    .unwrap();
}
