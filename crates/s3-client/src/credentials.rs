//! Credentials that renew.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use skykey_types::{AccessKeyId, Credentials};

/// A source of credentials that has others when those have ended.
#[async_trait]
pub trait CredentialsProvider: Debug + Send + Sync {
    /// Returns credentials that are good now. It is called before every request, so it should
    /// answer from memory.
    async fn credentials(&self) -> Result<Arc<Credentials>, NoCredentials>;

    /// Returns others in place of credentials that the store refused, or the same if the source
    /// believes in them. It is called once for a request.
    async fn after_refusal(&self, refused: &AccessKeyId)
    -> Result<Arc<Credentials>, NoCredentials>;
}

/// Why there are no credentials, for the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoCredentials {
    /// What is wrong.
    pub message: String,
    /// What the person can do; empty where the message says it.
    pub hint: String,
}
