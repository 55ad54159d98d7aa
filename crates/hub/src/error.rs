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
        "cannot ask whose a token is: JupyterHub answered with HTTP {0}; [jupyterhub] url is the address before /hub/"
    )]
    Status(u16),
    /// An answer that makes no sense.
    #[error("cannot ask whose a token is: JupyterHub's answer is not what was expected: {0}")]
    Unexpected(String),
}
