//! The audit: every decision, yes or no, with its reason.

use async_trait::async_trait;
use skykey_types::{LeaseId, RequestId, SubjectId, Timestamp};

use super::DatabaseError;
use crate::{Caller, Denied};

/// A decision to be written down.
#[derive(Debug, Clone)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// About whom.
    pub subject: SubjectId,
    /// Their login name.
    pub username: String,
    /// What was decided about; [`AuditEntry::action`] lists the words.
    pub action: &'static str,
    /// Whether it was granted or done.
    pub yes: bool,
    /// Why.
    pub reason: String,
    /// Which survey.
    pub survey: Option<String>,
    /// Which method.
    pub method: Option<String>,
    /// Which lease.
    pub lease: Option<LeaseId>,
    /// The request that it answers, as in the response and in the log. `None` for what a background
    /// round decides: the watch, a proof, upkeep.
    pub request_id: Option<RequestId>,
}

impl Audit {
    /// Returns the entry for a refusal of the caller's request.
    pub(crate) fn no(
        at: Timestamp,
        caller: &Caller,
        action: &'static str,
        denied: &Denied,
        request_id: &RequestId,
    ) -> Self {
        Self {
            at,
            subject: caller.id.clone(),
            username: caller.username.clone(),
            action,
            yes: false,
            reason: format!("{}: {denied}", denied.code()),
            survey: None,
            method: None,
            lease: None,
            request_id: Some(request_id.clone()),
        }
    }
}

/// A decision as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// About whom.
    pub username: String,
    /// `issue`, `machine`, `renew`, `adopt`, `give-back`, `revoke`, `reinstate`, `delete-ec2`,
    /// `stop-servers` or `prove`.
    pub action: String,
    /// `yes` or `no`.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// Which survey.
    pub survey: Option<String>,
    /// Which method.
    pub method: Option<String>,
    /// Which lease.
    pub lease: Option<String>,
    /// The id of the request that it answers; `None` for a background round, and for entries from
    /// before this was stored.
    pub request_id: Option<String>,
}

/// The audit of every decision.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Writes an entry down.
    async fn audit(&self, audit: &Audit) -> Result<(), DatabaseError>;
    /// Returns the newest `count` entries, the newest first.
    async fn audit_trail(&self, count: u32) -> Result<Vec<AuditEntry>, DatabaseError>;
    /// Returns when the newest entry was written.
    async fn last_written(&self) -> Result<Option<Timestamp>, DatabaseError>;
}
