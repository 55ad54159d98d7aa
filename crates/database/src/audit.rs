//! The audit.

use async_trait::async_trait;
use skykey_broker::{Audit, AuditEntry, AuditLog, DatabaseError};
use skykey_types::{LeaseId, RequestId, Timestamp};

use crate::row::{get, time};
use crate::{SqliteDatabase, failed};

#[async_trait]
impl AuditLog for SqliteDatabase {
    async fn audit(&self, audit: &Audit) -> Result<(), DatabaseError> {
        insert(audit, &self.writer).await
    }

    async fn audit_trail(&self, count: u32) -> Result<Vec<AuditEntry>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT at, username, action, outcome, reason, survey, method, lease, request_id FROM audit ORDER BY number DESC LIMIT ?",
        )
        .bind(count)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    at: time(row, "at")?,
                    username: get(row, "username")?,
                    action: get(row, "action")?,
                    outcome: get(row, "outcome")?,
                    reason: get(row, "reason")?,
                    survey: get(row, "survey")?,
                    method: get(row, "method")?,
                    lease: get(row, "lease")?,
                    request_id: get(row, "request_id")?,
                })
            })
            .collect()
    }

    async fn last_written(&self) -> Result<Option<Timestamp>, DatabaseError> {
        let row = sqlx::query("SELECT at FROM audit ORDER BY number DESC LIMIT 1")
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(|row| time(row, "at")).transpose()
    }
}

/// Writes one entry, within a transaction or without.
pub(crate) async fn insert<'e>(
    audit: &Audit,
    executor: impl sqlx::SqliteExecutor<'e>,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO audit (at, issuer, sub, username, action, outcome, reason, survey, method, lease, request_id) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .bind(audit.request_id.as_ref().map(RequestId::as_str))
    .execute(executor)
    .await
    .map_err(failed)?;
    Ok(())
}
