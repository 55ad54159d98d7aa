//! What can go wrong between us and Keystone.

/// Why Keystone did not do what was asked. Free of secrets: what Keystone said is cut to 300
/// characters, and every token, password and secret that was sent is struck out of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer: no connection, no TLS, or not within the time limit.
    #[error("cannot {operation}: Keystone does not answer ({why})")]
    Unreachable {
        /// What was to be done.
        operation: &'static str,
        /// What the network said.
        why: String,
    },
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
    #[error("cannot set up the HTTP client for Keystone: {0}")]
    Setup(String),
}

impl Error {
    /// The HTTP status, if Keystone answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Unexpected { status, .. } => Some(*status),
            Self::NotFound { .. } => Some(404),
            Self::Unreachable { .. } | Self::Address(_) | Self::Setup(_) => None,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything: no answer,
    /// or a server's error (5xx).
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
            || self.status().is_some_and(|status| status >= 500)
    }
}
