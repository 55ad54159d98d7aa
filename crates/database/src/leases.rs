//! Leases.

use async_trait::async_trait;
use skykey_broker::{
    Audit, ChangeCursor, DatabaseError, LeaseChanges, LeaseRecord, Leases, ProjectLeases,
    Revocation,
};
use skykey_types::{
    Access, AccessKeyId, Lease, LeaseEnd, LeaseId, Lifetime, Limit, ProjectName, SubjectId, Survey,
    SurveyName, Timestamp,
};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::row::{get, optional_time, parsed, time};
use crate::{SqliteDatabase, audit, deletions, failed, project_leases};

#[async_trait]
impl Leases for SqliteDatabase {
    async fn insert_lease(&self, record: &LeaseRecord, audit: &Audit) -> Result<(), DatabaseError> {
        let mut transaction = self.begin().await?;
        insert(record, &mut transaction).await?;
        audit::insert(audit, &mut *transaction).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn adopt_lease(
        &self,
        record: &LeaseRecord,
        audit: &Audit,
    ) -> Result<Option<LeaseRecord>, DatabaseError> {
        let mut transaction = self.begin().await?;
        let found = sqlx::query("SELECT * FROM lease WHERE id = ?")
            .bind(record.lease.id.as_str())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
        if let Some(row) = found {
            return Ok(Some(read(&row)?));
        }
        insert(record, &mut transaction).await?;
        audit::insert(audit, &mut *transaction).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(None)
    }

    async fn lease(&self, id: &LeaseId) -> Result<Option<LeaseRecord>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM lease WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(read).transpose()
    }

    async fn leases_of(&self, subject: &SubjectId) -> Result<Vec<Lease>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM lease WHERE issuer = ? AND sub = ? ORDER BY issued DESC LIMIT 1000",
        )
        .bind(&subject.issuer)
        .bind(&subject.sub)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        leases(&rows)
    }

    async fn live_leases(&self, now: Timestamp) -> Result<Vec<LeaseRecord>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM lease WHERE revoked IS NULL AND (expires IS NULL OR expires > ?)",
        )
        .bind(now.as_microsecond())
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(read).collect()
    }

    async fn last_removal(
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
        .await
        .map_err(failed)?;
        row.map(|row| {
            Ok((
                parsed(&row, "survey", |text| text.parse().ok())?,
                time(&row, "revoked")?,
            ))
        })
        .transpose()
    }

    async fn revoke_lease(&self, revocation: &Revocation<'_>) -> Result<bool, DatabaseError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "UPDATE lease SET revoked = ?1, revoked_why = ?2, \
             changed = (SELECT COALESCE(max(changed), 0) + 1 FROM lease WHERE changed > 0) WHERE id = ?3 \
             AND (revoked IS NULL OR (revoked_why = 'removed' AND ?2 = 'returned'))",
        )
        .bind(revocation.at.as_microsecond())
        .bind(revocation.why.as_str())
        .bind(revocation.lease.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        let revoked = done.rows_affected() > 0;
        if let Some(deletion) = revocation.deletion {
            deletions::keep(deletion, &mut transaction).await?;
        }
        if revoked {
            audit::insert(revocation.audit, &mut *transaction).await?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(revoked)
    }

    async fn reinstate_lease(&self, id: &LeaseId, audit: &Audit) -> Result<bool, DatabaseError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "UPDATE lease SET revoked = NULL, revoked_why = NULL, \
             changed = (SELECT COALESCE(max(changed), 0) + 1 FROM lease WHERE changed > 0) \
             WHERE id = ? AND revoked_why = 'removed'",
        )
        .bind(id.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 1 {
            audit::insert(audit, &mut *transaction).await?;
        }
        let live = sqlx::query("SELECT 1 FROM lease WHERE id = ? AND revoked IS NULL")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(live.is_some())
    }

    async fn revoked_leases(&self, now: Timestamp) -> Result<LeaseChanges, DatabaseError> {
        // The cursor first: what changes between the two reads is read again.
        let cursor = self.last_change().await?;
        let rows = sqlx::query(
            "SELECT * FROM lease WHERE revoked IS NOT NULL AND (expires IS NULL OR expires > ?)",
        )
        .bind(now.as_microsecond())
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let leases = leases(&rows)?;
        Ok(LeaseChanges { leases, cursor })
    }

    async fn lease_changes(&self, since: ChangeCursor) -> Result<LeaseChanges, DatabaseError> {
        // Without the first condition SQLite cannot use the partial index, and this runs every second.
        let rows =
            sqlx::query("SELECT * FROM lease WHERE changed > 0 AND changed > ? ORDER BY changed")
                .bind(since.0)
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        let cursor = match rows.last() {
            Some(row) => ChangeCursor(get(row, "changed")?),
            None => since,
        };
        let leases = leases(&rows)?;
        Ok(LeaseChanges { leases, cursor })
    }

    async fn ended_ec2_leases(&self, now: Timestamp) -> Result<Vec<LeaseRecord>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM lease WHERE method = 'ec2' AND ec2_gone = 0 AND (revoked IS NOT NULL OR expires <= ?)",
        )
        .bind(now.as_microsecond())
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(read).collect()
    }

    async fn ec2_deleted(&self, id: &LeaseId, at: Timestamp) -> Result<bool, DatabaseError> {
        let done = sqlx::query(
            "UPDATE lease SET ec2_gone = 1, ec2_gone_at = ? WHERE id = ? AND ec2_gone = 0",
        )
        .bind(at.as_microsecond())
        .bind(id.as_str())
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn project_leases(
        &self,
        survey: &Survey,
        project: &ProjectName,
        now: Timestamp,
    ) -> Result<ProjectLeases, DatabaseError> {
        project_leases::read(&self.readers, survey, project, now).await
    }
}

impl SqliteDatabase {
    async fn last_change(&self) -> Result<ChangeCursor, DatabaseError> {
        let row = sqlx::query("SELECT COALESCE(max(changed), 0) FROM lease WHERE changed > 0")
            .fetch_one(&self.readers)
            .await
            .map_err(failed)?;
        get(&row, 0).map(ChangeCursor)
    }
}

async fn insert(
    record: &LeaseRecord,
    connection: &mut SqliteConnection,
) -> Result<(), DatabaseError> {
    let lease = &record.lease;
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
    .bind(&record.keystone_user)
    .bind(lease.asked.map(Lifetime::as_seconds))
    .bind(lease.limit.as_str())
    .bind(lease.issued.as_microsecond())
    .bind(lease.expires.map(Timestamp::as_microsecond))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

fn leases(rows: &[SqliteRow]) -> Result<Vec<Lease>, DatabaseError> {
    rows.iter().map(|row| Ok(read(row)?.lease)).collect()
}

fn read(row: &SqliteRow) -> Result<LeaseRecord, DatabaseError> {
    let revoked = match optional_time(row, "revoked")? {
        None => None,
        Some(at) => Some((at, parsed(row, "revoked_why", lease_end)?)),
    };
    let lease = Lease {
        id: LeaseId::from_text(get::<String>(row, "id")?),
        subject: SubjectId {
            issuer: get(row, "issuer")?,
            sub: get(row, "sub")?,
        },
        username: get(row, "username")?,
        survey: parsed(row, "survey", |text| text.parse().ok())?,
        access: parsed(row, "access", access)?,
        method: parsed(row, "method", |text| text.parse().ok())?,
        access_key_id: AccessKeyId::new(get::<String>(row, "access_key_id")?),
        asked: get::<Option<u32>>(row, "asked")?.map(Lifetime::seconds),
        limit: parsed(row, "decided_by", limit)?,
        issued: time(row, "issued")?,
        expires: optional_time(row, "expires")?,
        revoked,
    };
    Ok(LeaseRecord {
        lease,
        keystone_user: get(row, "keystone_user")?,
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
