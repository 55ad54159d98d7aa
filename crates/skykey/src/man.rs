//! Manual pages, out of what `--help` says.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

/// Writes `skykey.1` and a page for each command, `skykey-survey-apply.1` for one that is below another.
pub(crate) fn write(command: Command, dir: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write manual pages into {}", dir.display());
    fs::create_dir_all(dir).with_context(cannot)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    page(&command, dir).with_context(cannot)
}

fn page(command: &Command, dir: &Path) -> anyhow::Result<()> {
    for below in command.get_subcommands() {
        if !below.is_hide_set() {
            page(below, dir)?;
        }
    }
    let man = Man::new(command.clone())
        .source(concat!("skykey ", env!("CARGO_PKG_VERSION")))
        .manual("skykey");
    let mut text = Vec::new();
    man.render(&mut text)?;
    let text = String::from_utf8(text)?;
    fs::write(dir.join(man.get_filename()), portable(&text))?;
    Ok(())
}

/// The examples under a heading of their own, and no character that a reader without UTF-8 cannot show.
fn portable(text: &str) -> String {
    let text = text
        .replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n")
        .replace(".SH EXTRA\nExample:\n", ".SH EXAMPLES\n");
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            plain.push(c);
        } else {
            // groff_char(7); mandoc knows it too.
            let _ = write!(plain, "\\[u{:04X}]", u32::from(c));
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_ascii_and_its_examples_are_called_so() {
        assert_eq!(
            portable(".SH EXTRA\nExample:\n  skykey request \"…\"\n"),
            ".SH EXAMPLES\n  skykey request \"\\[u2026]\"\n"
        );
    }
}
