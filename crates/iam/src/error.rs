//! What can go wrong with an IAM.

/// Each variant says which request failed; none holds a token, a code or a secret.
#[derive(Debug, thiserror::Error)]
pub enum IamError {
    /// No answer in time, or no connection.
    #[error("the IAM did not answer {request}: {why}")]
    Unreachable {
        /// What was asked.
        request: &'static str,
        /// What the network said.
        why: String,
    },
    /// An answer that says no.
    #[error("the IAM refused {request} with HTTP {status}: {why}")]
    Refused {
        /// What was asked.
        request: &'static str,
        /// The HTTP status.
        status: u16,
        /// The `error` and `error_description` that it gave, if any.
        why: String,
    },
    /// An answer that makes no sense.
    #[error("the IAM answered {request} with something unexpected: {why}")]
    Unexpected {
        /// What was asked.
        request: &'static str,
        /// In what way.
        why: String,
    },
    /// The login cannot be believed: the id token's signature, issuer, audience, time or nonce.
    #[error("the IAM's answer to the login cannot be believed: {why}; start again from the portal")]
    Login {
        /// In what way.
        why: String,
    },
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
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
            Self::Unexpected { .. } | Self::Login { .. } | Self::Token { .. } => false,
        }
    }
}
