//! The people who were removed and whose EC2 credentials are still to be deleted at Keystone.

use async_trait::async_trait;
use skykey_broker::{Audit, DatabaseError, PendingDeletion, PendingDeletions};
use skykey_types::{SubjectId, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::audit::insert;
use crate::row::{get, parsed, time};
use crate::{SqliteDatabase, failed};

#[async_trait]
impl PendingDeletions for SqliteDatabase {
    async fn pending_deletions(&self) -> Result<Vec<(i64, PendingDeletion)>, DatabaseError> {
        let rows = sqlx::query("SELECT * FROM left_over ORDER BY number")
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        rows.iter().map(read).collect()
    }

    async fn claim_deletion(
        &self,
        number: i64,
        since: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let done = sqlx::query(
            "UPDATE left_over SET claimed_until = ? WHERE number = ? AND since = ? \
             AND (claimed_until IS NULL OR claimed_until <= ?)",
        )
        .bind(until.as_microsecond())
        .bind(number)
        .bind(since.as_microsecond())
        .bind(now.as_microsecond())
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn release_deletion(&self, number: i64) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE left_over SET claimed_until = NULL WHERE number = ?")
            .bind(number)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn finish_deletion(
        &self,
        number: i64,
        since: Timestamp,
        audit: Option<&Audit>,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query("DELETE FROM left_over WHERE number = ? AND since = ?")
            .bind(number)
            .bind(since.as_microsecond())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        let finished = done.rows_affected() > 0;
        if let Some(audit) = audit.filter(|_| finished) {
            insert(audit, &mut *transaction).await?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(finished)
    }
}

/// Stores one, within the transaction of the removal. One that is there already is renewed, and its
/// claim ends.
pub(crate) async fn keep(
    deletion: &PendingDeletion,
    connection: &mut SqliteConnection,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO left_over (issuer, sub, keystone_user, project, username, survey, reason, since) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (issuer, sub, keystone_user, project) DO UPDATE SET \
         username = excluded.username, survey = excluded.survey, reason = excluded.reason, \
         since = excluded.since, claimed_until = NULL",
    )
    .bind(&deletion.subject.issuer)
    .bind(&deletion.subject.sub)
    .bind(deletion.keystone_user.as_deref().unwrap_or_default())
    .bind(deletion.project.as_str())
    .bind(&deletion.username)
    .bind(&deletion.survey)
    .bind(&deletion.reason)
    .bind(deletion.since.as_microsecond())
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<(i64, PendingDeletion), DatabaseError> {
    let user: String = get(row, "keystone_user")?;
    let deletion = PendingDeletion {
        subject: SubjectId {
            issuer: get(row, "issuer")?,
            sub: get(row, "sub")?,
        },
        keystone_user: (!user.is_empty()).then_some(user),
        project: parsed(row, "project", |text| text.parse().ok())?,
        username: get(row, "username")?,
        survey: get(row, "survey")?,
        reason: get(row, "reason")?,
        since: time(row, "since")?,
    };
    Ok((get(row, "number")?, deletion))
}
