//! `--on-refused`: what a refusal leads to.

use std::process::{Command, Stdio};
use std::str::FromStr;

use crate::variables;

/// What the agent does when it is refused: somebody left the group, a login has ended, a token file holds no
/// token that the portal takes. A portal that does not answer refuses nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OnRefused {
    /// Go on, answer tools with the sentence, and look again: often at first, every 5 minutes later.
    #[default]
    Wait,
    /// End.
    Exit,
    /// Go on as [`OnRefused::Wait`] does, and run this line in a shell, once for each refusal.
    Run(String),
}

/// A text that names no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is neither wait nor exit, and a command is more than a word: write its path, or its arguments"
)]
pub struct ParseOnRefusedError(String);

impl FromStr for OnRefused {
    type Err = ParseOnRefusedError;

    /// A single word that is not `wait` or `exit` is taken for a slip, not for a command.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "wait" => Ok(Self::Wait),
            "exit" => Ok(Self::Exit),
            line if line.contains(['/', ' ']) => Ok(Self::Run(line.to_owned())),
            other => Err(ParseOnRefusedError(other.chars().take(80).collect())),
        }
    }
}

/// Runs the line, and does not wait for it. It finds the sentence in `SKYKEY_REFUSED`, since a portal's words
/// have no place in a shell's line, and the survey in `SKYKEY_SURVEY`.
pub(super) fn run(line: &str, survey: &str, why: &str) {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .env(variables::SURVEY, survey)
        .env(variables::REFUSED, why)
        .stdin(Stdio::null());
    tokio::task::spawn_blocking(move || match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => super::say(&format!("what --on-refused runs ended with {status}")),
        Err(error) => super::say(&format!("cannot run what --on-refused says: {error}")),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_word_is_a_slip() {
        assert_eq!("wait".parse(), Ok(OnRefused::Wait));
        assert_eq!("exit".parse(), Ok(OnRefused::Exit));
        for line in ["/usr/bin/tell", "logger -t skykey gone", "./tell"] {
            assert_eq!(line.parse(), Ok(OnRefused::Run(line.to_owned())));
        }
        for slip in ["", "exti", "tell", "Wait"] {
            let error = slip.parse::<OnRefused>().unwrap_err();
            assert!(error.to_string().contains("write its path"), "{error}");
        }
    }
}
