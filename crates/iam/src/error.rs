//! What can go wrong with an IAM.

use skykey_types::ErrorKind;
use skykey_upstream::{Fault, kind_of_status};

/// Each variant says which request failed; none holds a token, a code or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IamError {
    /// The client cannot be set up.
    #[error("{0}")]
    Setup(String),
    /// No answer.
    #[error(transparent)]
    Unreachable(#[from] Fault),
    /// An answer that says no, or that the IAM is in trouble.
    #[error("cannot {operation}: the IAM answered with HTTP {status}{}", told(.code, .why))]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// The `error` that it gave (RFC 6749 §5.2, RFC 6750 §3.1), or nothing.
        code: String,
        /// What it said about it, or nothing.
        why: String,
    },
    /// An answer that makes no sense.
    #[error("cannot {operation}: the IAM's answer is not what was expected: {why}")]
    Unexpected {
        /// What was asked.
        operation: &'static str,
        /// In what way.
        why: String,
    },
    /// The client, or the person's token, was not given a scope.
    #[error(
        "cannot {operation}: the IAM does not grant the scope {scope}; ask the IAM's administrators to allow it to the client '{client}'{hint}"
    )]
    NotGranted {
        /// What was asked.
        operation: &'static str,
        /// The scope.
        scope: String,
        /// Our client's id there.
        client: String,
        /// What else would help.
        hint: &'static str,
    },
    /// The IAM offers no such thing, whoever asks.
    #[error("cannot {operation}: the IAM's discovery document names no {endpoint}")]
    NotOffered {
        /// What was asked.
        operation: &'static str,
        /// Which endpoint is missing.
        endpoint: &'static str,
    },
    /// The refresh token is not accepted any more (`invalid_grant`): it ended, it was revoked, or the
    /// account is gone. This is an answer, not an outage.
    #[error("the IAM no longer vouches for this person's login; log in again")]
    NoLongerVouched,
    /// The login cannot be believed: the code, or the id token's signature, issuer, audience, time or
    /// nonce.
    #[error("the IAM's answer to the login cannot be believed: {why}; start again from the portal")]
    Login {
        /// In what way.
        why: String,
    },
    /// An access token of this IAM that was good until it ended.
    #[error("the access token is not valid here: it has ended; log in again")]
    TokenEnded,
    /// A bearer token that is not a valid access token of this IAM.
    #[error("the access token is not valid here: {why}; log in again")]
    Token {
        /// In what way.
        why: String,
    },
}

impl IamError {
    /// Whether the IAM is merely away: the question may be asked again later.
    pub fn is_outage(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }

    /// Returns who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Setup(_) => ErrorKind::Input,
            Self::Unreachable(_) => ErrorKind::Unavailable,
            // 501: the IAM has no such endpoint.
            Self::Refused { status, .. } if *status != 501 => kind_of_status(*status),
            Self::Unexpected { .. } => ErrorKind::Internal,
            Self::Refused { .. }
            | Self::NotGranted { .. }
            | Self::NotOffered { .. }
            | Self::NoLongerVouched
            | Self::Login { .. }
            | Self::TokenEnded
            | Self::Token { .. } => ErrorKind::Refused,
        }
    }

    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            _ => "",
        }
    }

    pub(crate) fn login(why: impl Into<String>) -> Self {
        Self::Login { why: why.into() }
    }

    pub(crate) fn token(why: impl Into<String>) -> Self {
        Self::Token { why: why.into() }
    }
}

fn told(code: &str, why: &str) -> String {
    match (code, why) {
        ("", "") => String::new(),
        (code, "") => format!(" ({code})"),
        ("", why) => format!(" ({why})"),
        (code, why) => format!(" ({code}: {why})"),
    }
}
