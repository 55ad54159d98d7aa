//! What can go wrong with a hub.

use skykey_upstream::Fault;

/// The question was not answered. None of these is a no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The client cannot be set up.
    #[error("{0}")]
    Setup(String),
    /// No answer.
    #[error(transparent)]
    Unreachable(#[from] Fault),
    /// An answer that says nothing about the token.
    #[error(
        "cannot ask whose a token is: JupyterHub answered with HTTP {0}; [jupyterhub] url is the address without /hub/"
    )]
    Status(u16),
    /// A service of the hub's was told no, or that the hub is in trouble.
    #[error("cannot {operation}: JupyterHub answered with HTTP {status}{}", not_allowed(*.status))]
    NotDone {
        /// What was asked.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that makes no sense.
    #[error("JupyterHub's answer is not what was expected: {0}")]
    Unexpected(String),
}

fn not_allowed(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            "; the role of [jupyterhub] service_token needs the scope read:servers, and to stop servers delete:servers"
        }
        _ => "",
    }
}
