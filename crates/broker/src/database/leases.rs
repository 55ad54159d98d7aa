//! Leases in the database.

use skykey_types::{
    Access, AccessKeyId, Lease, LeaseEnd, LeaseId, Lifetime, Limit, SubjectId, SurveyName,
    Timestamp,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::audit::{Audit, insert};
use super::left_over::{LeftOver, keep};
use super::{Database, DatabaseError, optional_time, parsed, time};

/// A lease with what only the broker needs to know of it.
#[derive(Debug, Clone)]
pub(crate) struct LeaseRow {
    pub(crate) lease: Lease,
    /// The Keystone user whose EC2 credential it is or came from, where it is the person's own.
    pub(crate) keystone_user: Option<String>,
}

impl Database {
    pub(crate) async fn insert(&self, row: &LeaseRow, audit: &Audit) -> Result<(), DatabaseError> {
        let lease = &row.lease;
        let mut transaction = self.writer.begin().await?;
        sqlx::query(
            "INSERT INTO lease (id, issuer, sub, username, survey, access, method, access_key_id, keystone_user, \
             asked, decided_by, issued, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(lease.id.as_str())
        .bind(&lease.subject.issuer)
        .bind(&lease.subject.sub)
        .bind(&lease.username)
        .bind(lease.survey.as_str())
        .bind(lease.access.as_str())
        .bind(lease.method.as_str())
        .bind(lease.access_key_id.as_str())
        .bind(&row.keystone_user)
        .bind(lease.asked.map(Lifetime::as_seconds))
        .bind(lease.limit.as_str())
        .bind(lease.issued.as_microsecond())
        .bind(lease.expires.map(Timestamp::as_microsecond))
        .execute(&mut *transaction)
        .await?;
        insert(audit, &mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    pub(crate) async fn lease(&self, id: &LeaseId) -> Result<Option<LeaseRow>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM lease WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The subject's leases, the newest first, at most 1,000.
    pub(crate) async fn leases_of(&self, subject: &SubjectId) -> Result<Vec<Lease>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM lease WHERE issuer = ? AND sub = ? ORDER BY issued DESC LIMIT 1000",
        )
        .bind(&subject.issuer)
        .bind(&subject.sub)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(read(row)?.lease)).collect()
    }

    /// When a lease of the subject last ended by removal, and of which survey; of that one, if one
    /// is named.
    pub(crate) async fn last_removal(
        &self,
        subject: &SubjectId,
        survey: Option<&SurveyName>,
    ) -> Result<Option<(SurveyName, Timestamp)>, DatabaseError> {
        let row = sqlx::query(
            "SELECT survey, revoked FROM lease WHERE issuer = ? AND sub = ? AND revoked_why = 'removed' \
             AND (? IS NULL OR survey = ?) ORDER BY revoked DESC LIMIT 1",
        )
        .bind(&subject.issuer)
        .bind(&subject.sub)
        .bind(survey.map(SurveyName::as_str))
        .bind(survey.map(SurveyName::as_str))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| {
            Ok((
                parsed(&row, "survey", |text| text.parse().ok())?,
                time(&row, "revoked")?,
            ))
        })
        .transpose()
    }

    /// Every lease that is neither revoked nor expired.
    pub(crate) async fn live(&self, now: Timestamp) -> Result<Vec<LeaseRow>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM lease WHERE revoked IS NULL AND (expires IS NULL OR expires > ?)",
        )
        .bind(now.as_microsecond())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Every lease that was revoked and whose credentials have not expired by themselves.
    pub(crate) async fn revoked(&self, now: Timestamp) -> Result<Vec<Lease>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM lease WHERE revoked IS NOT NULL AND (expires IS NULL OR expires > ?)",
        )
        .bind(now.as_microsecond())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(read(row)?.lease)).collect()
    }

    /// Writes down that a lease was ended, and what is left to do at Keystone, in one transaction.
    pub(crate) async fn revoke(
        &self,
        id: &LeaseId,
        at: Timestamp,
        why: LeaseEnd,
        audit: &Audit,
        left: Option<&LeftOver>,
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.writer.begin().await?;
        sqlx::query(
            "UPDATE lease SET revoked = ?1, revoked_why = ?2 WHERE id = ?3 \
             AND (revoked IS NULL OR (revoked_why = 'removed' AND ?2 = 'returned'))",
        )
        .bind(at.as_microsecond())
        .bind(why.as_str())
        .bind(id.as_str())
        .execute(&mut *transaction)
        .await?;
        if let Some(left) = left {
            keep(left, &mut transaction).await?;
        }
        insert(audit, &mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Lets a lease go on that had ended because its owner left; whether it is live now. One that is live already, since
    /// its end could not be written down or somebody did not wait for the answer, is.
    pub(crate) async fn reinstate(
        &self,
        id: &LeaseId,
        audit: &Audit,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.writer.begin().await?;
        let done = sqlx::query(
            "UPDATE lease SET revoked = NULL, revoked_why = NULL WHERE id = ? AND revoked_why = 'removed'",
        )
        .bind(id.as_str())
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 1 {
            insert(audit, &mut *transaction).await?;
        }
        let live = sqlx::query("SELECT 1 FROM lease WHERE id = ? AND revoked IS NULL")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(live.is_some())
    }

    /// The `ec2` leases that are over but whose EC2 credentials are still at Keystone.
    pub(crate) async fn ec2_to_delete(
        &self,
        now: Timestamp,
    ) -> Result<Vec<LeaseRow>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM lease WHERE method = 'ec2' AND ec2_gone = 0 AND (revoked IS NOT NULL OR expires <= ?)",
        )
        .bind(now.as_microsecond())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(read).collect()
    }

    pub(crate) async fn ec2_deleted(
        &self,
        id: &LeaseId,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE lease SET ec2_gone = 1, ec2_gone_at = ? WHERE id = ?")
            .bind(at.as_microsecond())
            .bind(id.as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

fn read(row: &SqliteRow) -> Result<LeaseRow, DatabaseError> {
    let revoked = match optional_time(row, "revoked")? {
        None => None,
        Some(at) => Some((at, parsed(row, "revoked_why", lease_end)?)),
    };
    let lease = Lease {
        id: LeaseId::from_text(row.try_get::<String, _>("id")?),
        subject: SubjectId {
            issuer: row.try_get("issuer")?,
            sub: row.try_get("sub")?,
        },
        username: row.try_get("username")?,
        survey: parsed(row, "survey", |text| text.parse().ok())?,
        access: parsed(row, "access", access)?,
        method: parsed(row, "method", |text| text.parse().ok())?,
        access_key_id: AccessKeyId::new(row.try_get::<String, _>("access_key_id")?),
        asked: row
            .try_get::<Option<u32>, _>("asked")?
            .map(Lifetime::seconds),
        limit: parsed(row, "decided_by", limit)?,
        issued: time(row, "issued")?,
        expires: optional_time(row, "expires")?,
        revoked,
    };
    Ok(LeaseRow {
        lease,
        keystone_user: row.try_get("keystone_user")?,
    })
}

fn access(text: &str) -> Option<Access> {
    [Access::Read, Access::Write]
        .into_iter()
        .find(|access| access.as_str() == text)
}

fn limit(text: &str) -> Option<Limit> {
    [
        Limit::Asked,
        Limit::Default,
        Limit::SurveyMaximum,
        Limit::AccountEnd,
        Limit::LeaseEnd,
        Limit::Revocation,
    ]
    .into_iter()
    .find(|limit| limit.as_str() == text)
}

fn lease_end(text: &str) -> Option<LeaseEnd> {
    [LeaseEnd::Returned, LeaseEnd::Removed]
        .into_iter()
        .find(|end| end.as_str() == text)
}
