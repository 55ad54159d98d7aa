//! An error for people: what is wrong, and what to do.

use std::io::{self, Write};

use skykey_client::ClientError;
use skykey_transfer::ObjectError;

/// One line on standard error: what is wrong, and what to do.
pub fn complain(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "error: {}{}", told(error), next_step(error));
}

/// An error with its causes. Some errors tell their cause themselves, which is then not said again.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        if text.is_empty() {
            text = words;
        } else if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
    }
    text
}

/// What the person can do now, after a semicolon, where the error knows it.
fn next_step(error: &anyhow::Error) -> String {
    let client = error.downcast_ref().map(ClientError::hint);
    let objects = || error.downcast_ref().map(ObjectError::hint);
    client
        .or_else(objects)
        .filter(|hint| !hint.is_empty())
        .map_or(String::new(), |hint| format!("; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_a_cause_once() {
        let cause = || std::io::Error::other("no such thing");
        let twice = skykey_serve::TlsError::Unreadable {
            what: "certificate",
            path: "a.pem".into(),
            source: cause(),
        };
        let error = anyhow::Error::new(twice).context("cannot start");
        assert_eq!(
            told(&error),
            "cannot start: cannot read the certificate a.pem: no such thing"
        );
        let error = anyhow::Error::new(cause()).context("cannot read b");
        assert_eq!(told(&error), "cannot read b: no such thing");
    }
}
