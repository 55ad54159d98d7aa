//! What can go wrong between us and Keystone.

use skykey_upstream::{Fault, SetupError};

/// Why Keystone did not do what was asked. Free of secrets: what Keystone said is cut to 300
/// characters, and every token, password and secret that was sent is struck out of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer: no connection, no TLS, not in time, or Keystone is left alone for a while. What
    /// was asked may have been done all the same.
    #[error("{0}")]
    Unreachable(#[from] Fault),
    /// Keystone knows the caller but says no (403), or does not know the caller (401).
    #[error("cannot {operation}: Keystone refuses ({status}: {message})")]
    Refused {
        /// What was to be done.
        operation: &'static str,
        /// 401 or 403.
        status: u16,
        /// Keystone's words.
        message: String,
    },
    /// There is no such thing (404).
    #[error("cannot {operation}: Keystone finds nothing (404: {message})")]
    NotFound {
        /// What was to be done.
        operation: &'static str,
        /// Keystone's words.
        message: String,
    },
    /// Any other answer: another status, or one that is not what the API promises.
    #[error("cannot {operation}: Keystone's answer is not usable ({status}: {message})")]
    Unexpected {
        /// What was to be done.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// Keystone's words, or what is wrong with the answer.
        message: String,
    },
    /// The configured address cannot be one of Keystone.
    #[error("'{0}' is not the address of a Keystone: expected http(s)://host:port/v3")]
    Address(String),
    /// The HTTP client cannot be built.
    #[error("{0}")]
    Setup(String),
}

impl Error {
    /// The HTTP status, if Keystone answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Unexpected { status, .. } => Some(*status),
            Self::NotFound { .. } => Some(404),
            Self::Unreachable(_) | Self::Address(_) | Self::Setup(_) => None,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything: no answer,
    /// a plea for patience (429), a server's error (5xx), or a success that is none of Keystone's,
    /// such as the page of whoever stands before it.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Unexpected { status, .. } => {
                *status == 429 || *status >= 500 || (200..300).contains(status)
            }
            Self::Refused { .. } | Self::NotFound { .. } | Self::Address(_) | Self::Setup(_) => {
                false
            }
        }
    }
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        Self::Setup(error.to_string())
    }
}
