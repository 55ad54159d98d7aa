//! Refresh tokens of people who logged in at the portal, sealed.

use async_trait::async_trait;
use skykey_types::{SubjectId, Timestamp};

use super::DatabaseError;

/// Refresh tokens, sealed.
#[async_trait]
pub trait Logins: Send + Sync {
    /// Stores a person's sealed refresh token in place of the one before.
    async fn keep_login(
        &self,
        id: &SubjectId,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), DatabaseError>;
    /// Returns a person's sealed refresh token.
    async fn login(&self, id: &SubjectId) -> Result<Option<Vec<u8>>, DatabaseError>;
    /// Deletes a person's refresh token if it is still `sealed`: another process may have renewed
    /// it. Returns whether it did.
    async fn forget_login(&self, id: &SubjectId, sealed: &[u8]) -> Result<bool, DatabaseError>;
}
