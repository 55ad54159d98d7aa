//! Why there is no answer.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use skykey_types::ErrorKind;

/// No answer to a call. Every one is an outage: nothing is known of what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection, or it broke.
    #[error("cannot {operation}: {system} cannot be reached ({why})")]
    Unreachable {
        /// Which system.
        system: &'static str,
        /// What was asked.
        operation: &'static str,
        /// What the network said, without the address.
        why: String,
    },
    /// Not in time.
    #[error("cannot {operation}: {system} did not answer within {} s", tenths(*.within))]
    Late {
        /// Which system.
        system: &'static str,
        /// What was asked.
        operation: &'static str,
        /// How long it had.
        within: Duration,
    },
    /// More than anybody needs.
    #[error("cannot {operation}: {system}'s answer is longer than {limit} bytes")]
    TooLong {
        /// Which system.
        system: &'static str,
        /// What was asked.
        operation: &'static str,
        /// How long it might have been.
        limit: usize,
    },
    /// It failed so often that it is left alone for a while.
    #[error(
        "cannot {operation}: {system} failed several times in a row and is left alone for {} s more ({why})",
        .left.as_secs() + 1
    )]
    LeftAlone {
        /// Which system.
        system: &'static str,
        /// What was asked.
        operation: &'static str,
        /// For how much longer.
        left: Duration,
        /// How it failed last.
        why: String,
    },
    /// The work that several callers waited for panicked, or the program is stopping.
    #[error("cannot {operation}: the work was stopped before it ended")]
    Stopped {
        /// What was asked.
        operation: &'static str,
    },
}

/// Seconds, to the tenth.
fn tenths(time: Duration) -> f32 {
    (time.as_secs_f32() * 10.0).round() / 10.0
}

impl Fault {
    /// The reason alone, without operation and system.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Unreachable { why, .. } | Self::LeftAlone { why, .. } => why.clone(),
            Self::Late { within, .. } => format!("no answer within {} s", tenths(*within)),
            Self::TooLong { limit, .. } => format!("an answer of more than {limit} bytes"),
            Self::Stopped { .. } => "the work was stopped".to_owned(),
        }
    }
}

/// Returns the kind of an error that a system answered with this HTTP status.
pub fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        429 | 500.. => ErrorKind::Unavailable,
        400..=499 => ErrorKind::Refused,
        _ => ErrorKind::Internal,
    }
}

/// The client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The certificate authorities cannot be read.
    #[error("cannot read the certificate authorities in {path}: {why}", path = .path.display())]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The environment names authorities, and there are none.
    #[error(
        "cannot set up the HTTP client for {system}: there is no certificate authority where {variable} says; \
         let it name PEM certificates that can be read, or unset it"
    )]
    NoRoots {
        /// For which system.
        system: &'static str,
        /// Which variable.
        variable: &'static str,
    },
    /// The HTTP client refuses its settings.
    #[error("cannot set up the HTTP client for {system}: {why}")]
    Client {
        /// For which system.
        system: &'static str,
        /// What it said.
        why: String,
    },
}

/// A network error with its causes and without the address, which may hold what must not be seen.
pub(crate) fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        // Layers like to repeat each other.
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    // rustls's word for an answer that is no TLS.
    if text.contains("InvalidContentType") {
        text.push_str(": what answers there does not speak TLS; is its address http://?");
    }
    text
}
