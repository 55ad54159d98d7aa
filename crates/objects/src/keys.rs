//! Where credentials come from.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use skykey_types::{AccessKeyId, Credentials};

/// Somebody who has credentials, and others when those have ended.
#[async_trait]
pub trait Keys: Debug + Send + Sync {
    /// Credentials that are good now. It is asked before every request, so it should answer from memory.
    async fn now(&self) -> Result<Arc<Credentials>, NoKeys>;

    /// The store has refused these: others if they are no good any more, the same if they are thought
    /// to be. It is asked once for a request.
    async fn after_refusal(&self, refused: &AccessKeyId) -> Result<Arc<Credentials>, NoKeys>;
}

/// Why there are none, for the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoKeys {
    /// What is wrong.
    pub message: String,
    /// What they can do; empty where the message says it.
    pub hint: String,
}
