//! The backend user's EC2 credentials, sealed: one for each project.

use async_trait::async_trait;
use skykey_types::{AccessKeyId, ProjectName, Timestamp};

use super::DatabaseError;

/// The backend user's EC2 credential for one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendKey {
    /// The public half.
    pub access: AccessKeyId,
    /// The Keystone user that owns it.
    pub user_id: String,
    /// The secret, sealed, bound to the project and the public half.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created: Timestamp,
    /// When somebody last asked for it, to the hour.
    pub used: Timestamp,
}

/// The backend user's EC2 credentials.
#[async_trait]
pub trait BackendKeyStore: Send + Sync {
    /// Returns the credential for the project.
    async fn backend_key(&self, project: &ProjectName)
    -> Result<Option<BackendKey>, DatabaseError>;
    /// Stores `new` in place of `old` (`None`: there was none), if that is still what is stored.
    /// Returns whether it did.
    async fn replace_backend_key(
        &self,
        project: &ProjectName,
        old: Option<&AccessKeyId>,
        new: &BackendKey,
    ) -> Result<bool, DatabaseError>;
    /// Notes when the credential was last asked for, unless a later time is noted.
    async fn backend_key_used(
        &self,
        project: &ProjectName,
        at: Timestamp,
    ) -> Result<(), DatabaseError>;
    /// Deletes the credential if it is still `access`. Returns whether it did.
    async fn forget_backend_key(
        &self,
        project: &ProjectName,
        access: &AccessKeyId,
    ) -> Result<bool, DatabaseError>;
}
