//! The people who were removed and whose EC2 credentials are still to be deleted at Keystone.

use async_trait::async_trait;
use skykey_types::{ProjectName, SubjectId, Timestamp};

use super::{Audit, DatabaseError};

/// Somebody who was removed, and a project for which they may have EC2 credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDeletion {
    /// Who was removed.
    pub subject: SubjectId,
    /// Their Keystone user; without it they are still to be found by their `sub`.
    pub keystone_user: Option<String>,
    /// The project.
    pub project: ProjectName,
    /// Their login name.
    pub username: String,
    /// The survey whose group they left.
    pub survey: String,
    /// The reason of the removal.
    pub reason: String,
    /// When they were removed.
    pub since: Timestamp,
}

/// The deletions that Keystone still owes.
///
/// A deletion is added by [`Leases::revoke_lease`](super::Leases::revoke_lease), in the transaction
/// of the removal, and stays until it is finished. A process claims one before it works on it.
#[async_trait]
pub trait PendingDeletions: Send + Sync {
    /// Returns all of them with their numbers, the oldest first.
    async fn pending_deletions(&self) -> Result<Vec<(i64, PendingDeletion)>, DatabaseError>;
    /// Claims the deletion until then, unless it is finished, was renewed by another removal after
    /// `since`, or another claim on it has not expired. Returns whether it did.
    async fn claim_deletion(
        &self,
        number: i64,
        since: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, DatabaseError>;
    /// Gives a claim up, so that the deletion can be claimed again at once.
    async fn release_deletion(&self, number: i64) -> Result<(), DatabaseError>;
    /// Deletes the entry and writes the audit, unless the person was removed once more after
    /// `since`, or another process finished it. Returns whether it did.
    async fn finish_deletion(
        &self,
        number: i64,
        since: Timestamp,
        audit: Option<&Audit>,
    ) -> Result<bool, DatabaseError>;
}
