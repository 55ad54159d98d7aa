//! The audit: every decision, yes or no, with its reason.

use skykey_types::{LeaseId, SubjectId, Timestamp};
use sqlx::Row;

use super::{Database, DatabaseError, time};
use crate::{Caller, Denied};

/// A decision about to be written down.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    pub(crate) at: Timestamp,
    pub(crate) subject: SubjectId,
    pub(crate) username: String,
    pub(crate) action: &'static str,
    pub(crate) yes: bool,
    pub(crate) reason: String,
    pub(crate) survey: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) lease: Option<LeaseId>,
}

impl Audit {
    /// A no to the caller.
    pub(crate) fn no(
        at: Timestamp,
        caller: &Caller,
        action: &'static str,
        denied: &Denied,
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
    /// `issue`, `machine`, `renew`, `adopt`, `give-back`, `revoke`, `reinstate`, `delete-ec2`, `stop-servers` or
    /// `prove`.
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
}

impl Database {
    pub(crate) async fn audit(&self, audit: &Audit) -> Result<(), DatabaseError> {
        insert(audit, &self.writer).await
    }

    /// When the newest entry was written.
    pub async fn last_written(&self) -> Result<Option<Timestamp>, DatabaseError> {
        let row = sqlx::query("SELECT at FROM audit ORDER BY number DESC LIMIT 1")
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(|row| time(row, "at")).transpose()
    }

    /// The newest `count` entries, the newest first.
    pub async fn audit_trail(&self, count: u32) -> Result<Vec<AuditEntry>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT at, username, action, outcome, reason, survey, method, lease FROM audit ORDER BY number DESC LIMIT ?",
        )
        .bind(count)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    at: time(row, "at")?,
                    username: row.try_get("username")?,
                    action: row.try_get("action")?,
                    outcome: row.try_get("outcome")?,
                    reason: row.try_get("reason")?,
                    survey: row.try_get("survey")?,
                    method: row.try_get("method")?,
                    lease: row.try_get("lease")?,
                })
            })
            .collect()
    }
}

/// Writes one entry, within a transaction or without.
pub(super) async fn insert<'e>(
    audit: &Audit,
    executor: impl sqlx::SqliteExecutor<'e>,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO audit (at, issuer, sub, username, action, outcome, reason, survey, method, lease) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(audit.at.as_microsecond())
    .bind(&audit.subject.issuer)
    .bind(&audit.subject.sub)
    .bind(&audit.username)
    .bind(audit.action)
    .bind(if audit.yes { "yes" } else { "no" })
    .bind(&audit.reason)
    .bind(&audit.survey)
    .bind(&audit.method)
    .bind(audit.lease.as_ref().map(LeaseId::as_str))
    .execute(executor)
    .await?;
    Ok(())
}
