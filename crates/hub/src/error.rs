//! The errors of a hub.

use skykey_types::ErrorKind;
use skykey_upstream::{Fault, kind_of_status};

/// The hub did not answer. No variant means that it rejected a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The client cannot be configured.
    #[error("{0}")]
    Setup(String),
    /// No response.
    #[error(transparent)]
    Unreachable(#[from] Fault),
    /// A response that says nothing about the token.
    #[error(
        "cannot identify a token: JupyterHub returned HTTP {0}; [jupyterhub] url is the address without /hub/"
    )]
    Status(u16),
    /// The hub refused a request of its service, or failed.
    #[error("cannot {operation}: JupyterHub returned HTTP {status}{}", not_allowed(*.status))]
    NotDone {
        /// The operation.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// A response that cannot be parsed.
    #[error("JupyterHub returned an unexpected response: {0}")]
    Unexpected(String),
}

impl HubError {
    /// Returns who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Setup(_) => ErrorKind::Input,
            Self::Unreachable(_) => ErrorKind::Unavailable,
            Self::Status(status) | Self::NotDone { status, .. } => kind_of_status(*status),
            Self::Unexpected(_) => ErrorKind::Internal,
        }
    }
}

fn not_allowed(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            "; the role of [jupyterhub] service_token needs the scope read:servers, and to stop servers delete:servers"
        }
        _ => "",
    }
}
