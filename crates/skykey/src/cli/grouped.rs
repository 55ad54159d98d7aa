//! The first help that people see: the commands in two groups, which clap has no word for.

use std::fmt::Write;

use clap::Command;
use clap::builder::styling::Style;

/// What is for whoever runs skykey. All others are for people.
const OPERATORS: [&str; 4] = ["up", "survey", "doctor", "jupyter"];

/// The command line with its commands in two groups.
pub(super) fn grouped(command: Command) -> Command {
    let styles = command.get_styles();
    let (header, literal) = (*styles.get_header(), *styles.get_literal());
    let shown: Vec<(&str, String)> = command
        .get_subcommands()
        .filter(|one| !one.is_hide_set())
        .map(|one| {
            let about = one.get_about().map(ToString::to_string);
            (one.get_name(), about.unwrap_or_default())
        })
        .collect();
    let longest = shown.iter().map(|(name, _)| name.len()).max();
    let width = longest.unwrap_or_default();
    let group = |title: &str, operators: bool| {
        let mut text = heading(header, title);
        for (name, about) in &shown {
            if OPERATORS.contains(name) == operators {
                let _ = writeln!(text, "  {literal}{name:<width$}{literal:#}  {about}");
            }
        }
        text
    };
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\n{}\n{}{{options}}{{after-help}}\n",
        group("For people:", false),
        group("For those who run skykey:", true),
        heading(header, "Options:"),
    );
    command.help_template(template)
}

fn heading(header: Style, title: &str) -> String {
    format!("{header}{title}{header:#}\n")
}
