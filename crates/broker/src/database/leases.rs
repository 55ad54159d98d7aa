//! Leases, and how they end before their time.

use async_trait::async_trait;
use skykey_types::{
    Lease, LeaseEnd, LeaseId, ProjectName, SubjectId, Survey, SurveyName, Timestamp,
};

use super::{Audit, DatabaseError, PendingDeletion};
use crate::after_removal::OWN_TOKENS_LAST;

/// A lease with what only the broker needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRecord {
    /// The lease.
    pub lease: Lease,
    /// The Keystone user whose EC2 credential it is or came from, where it is the person's own.
    pub keystone_user: Option<String>,
}

/// The end of a lease before its time.
#[derive(Debug, Clone)]
pub struct Revocation<'a> {
    /// Which lease.
    pub lease: &'a LeaseId,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: LeaseEnd,
    /// What goes into the audit.
    pub audit: &'a Audit,
    /// What is left to delete at Keystone.
    pub deletion: Option<&'a PendingDeletion>,
}

/// A position in the sequence of revocations and reinstatements. Only the database reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ChangeCursor(pub i64);

/// Leases whose end changed, each as it stands now.
#[derive(Debug, Clone)]
pub struct LeaseChanges {
    /// The leases; each at most once.
    pub leases: Vec<Lease>,
    /// Where the next call continues.
    pub cursor: ChangeCursor,
}

/// A survey's leases by one of its projects, for an operator who is about to suspend the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectLeases {
    /// People with live leases.
    pub people: i64,
    /// Live leases.
    pub live: i64,
    /// When the last lease of somebody who was removed would expire, if one has not.
    pub revoked_until: Option<Timestamp>,
    /// When the last EC2 credential of somebody's own ended, as far as that is known; now, if one
    /// is still to be deleted.
    pub ec2_ended: Option<Timestamp>,
    /// How many people were removed whose EC2 credentials are still to be deleted at Keystone.
    pub pending_deletions: i64,
}

impl ProjectLeases {
    /// Returns until when session tokens may work that somebody made at a Ceph's own STS from an EC2
    /// credential of their own which is gone, or is still to be deleted (then counted from now). It
    /// is 300 s and 43,200 s after the credential's end; later, if the site raised
    /// `rgw_sts_max_session_duration`.
    pub fn own_tokens_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.ec2_ended
            .map(|ended| ended + OWN_TOKENS_LAST)
            .filter(|end| *end > now)
    }
}

/// Leases.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Stores a new lease and its audit.
    async fn insert_lease(&self, record: &LeaseRecord, audit: &Audit) -> Result<(), DatabaseError>;
    /// Stores a lease and its audit unless there is one of that id. Returns the one that was there.
    async fn adopt_lease(
        &self,
        record: &LeaseRecord,
        audit: &Audit,
    ) -> Result<Option<LeaseRecord>, DatabaseError>;
    /// Returns a lease.
    async fn lease(&self, id: &LeaseId) -> Result<Option<LeaseRecord>, DatabaseError>;
    /// Returns the subject's leases, the newest first, at most 1,000.
    async fn leases_of(&self, subject: &SubjectId) -> Result<Vec<Lease>, DatabaseError>;
    /// Returns every lease that is neither revoked nor expired.
    async fn live_leases(&self, now: Timestamp) -> Result<Vec<LeaseRecord>, DatabaseError>;
    /// Returns when a lease of the subject last ended by removal, and of which survey; of that one,
    /// if one is named.
    async fn last_removal(
        &self,
        subject: &SubjectId,
        survey: Option<&SurveyName>,
    ) -> Result<Option<(SurveyName, Timestamp)>, DatabaseError>;
    /// Revokes a lease unless it is revoked already; one that ended by removal can still be given
    /// back. Returns whether this call did it: then the audit is written with it. The pending
    /// deletion is stored in any case, in the same transaction.
    async fn revoke_lease(&self, revocation: &Revocation<'_>) -> Result<bool, DatabaseError>;
    /// Reinstates a lease that ended by removal, unless it was given back meanwhile. Returns
    /// whether it is live now, by this call or before; the audit is written if this call did it.
    async fn reinstate_lease(&self, id: &LeaseId, audit: &Audit) -> Result<bool, DatabaseError>;
    /// Returns every lease that is revoked and whose credentials have not expired, and the cursor
    /// from which [`Leases::lease_changes`] continues.
    async fn revoked_leases(&self, now: Timestamp) -> Result<LeaseChanges, DatabaseError>;
    /// Returns the leases that were revoked or reinstated since, by any process. No change is ever
    /// skipped: one that becomes visible later has a later cursor.
    async fn lease_changes(&self, since: ChangeCursor) -> Result<LeaseChanges, DatabaseError>;
    /// Returns the `ec2` leases that are over but whose EC2 credentials are still at Keystone.
    async fn ended_ec2_leases(&self, now: Timestamp) -> Result<Vec<LeaseRecord>, DatabaseError>;
    /// Notes that a lease's EC2 credential was deleted at Keystone, unless that is noted already.
    /// Returns whether this call did it.
    async fn ec2_deleted(&self, id: &LeaseId, at: Timestamp) -> Result<bool, DatabaseError>;
    /// Returns who has live leases of the survey by an EC2 credential or a session token of
    /// `project`, and until when those of people who were removed would work. What people make in
    /// OpenStack is not known; if the survey offers `ec2`, everybody who was removed is counted as
    /// having had a credential.
    async fn project_leases(
        &self,
        survey: &Survey,
        project: &ProjectName,
        now: Timestamp,
    ) -> Result<ProjectLeases, DatabaseError>;
}
