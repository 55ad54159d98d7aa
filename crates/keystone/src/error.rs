//! The errors of Keystone's client.

use skykey_types::ErrorKind;
use skykey_upstream::{Fault, SetupError};

/// Why an operation failed. It contains no secret: Keystone's message is cut to 300 characters, and every
/// token, password and secret of the request is removed from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No response: no connection, no TLS, a timeout, or an open circuit breaker. The operation may have
    /// been done all the same.
    #[error("{0}")]
    Unreachable(#[from] Fault),
    /// Keystone refuses the caller (403), or does not know the caller (401).
    #[error("cannot {operation}: Keystone refuses ({status}: {message})")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// 401 or 403.
        status: u16,
        /// Keystone's message.
        message: String,
    },
    /// The resource does not exist (404).
    #[error("cannot {operation}: Keystone finds nothing (404: {message})")]
    NotFound {
        /// The operation.
        operation: &'static str,
        /// Keystone's message.
        message: String,
    },
    /// Any other response: another status, or one that does not follow the API.
    #[error("cannot {operation}: Keystone returned an unexpected response ({status}: {message})")]
    Unexpected {
        /// The operation.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// Keystone's message, or the fault of the response.
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
    /// The HTTP status, if Keystone responded.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Unexpected { status, .. } => Some(*status),
            Self::NotFound { .. } => Some(404),
            Self::Unreachable(_) | Self::Address(_) | Self::Setup(_) => None,
        }
    }

    /// Whether the same request may succeed later without a change: no response, 429, 5xx, or a success that
    /// is not Keystone's, such as a proxy's page.
    pub fn is_outage(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }

    /// Returns who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable(_) => ErrorKind::Unavailable,
            // A success that cannot be read decides nothing.
            Self::Unexpected { status, .. } => match status {
                429 | 500.. | 200..=299 => ErrorKind::Unavailable,
                _ => ErrorKind::Internal,
            },
            Self::Refused { .. } | Self::NotFound { .. } => ErrorKind::Refused,
            Self::Address(_) | Self::Setup(_) => ErrorKind::Input,
        }
    }
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        Self::Setup(error.to_string())
    }
}
