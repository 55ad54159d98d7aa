//! The people who were removed and whose EC2 credentials are still to be deleted at Keystone.

use skykey_types::{ProjectName, SubjectId, Timestamp};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::audit::{Audit, insert};
use super::{Database, DatabaseError, parsed, time};

/// Somebody who was removed, and a project for which they may have EC2 credentials.
#[derive(Debug, Clone)]
pub(crate) struct LeftOver {
    pub(crate) subject: SubjectId,
    /// Their Keystone user; without it they are still to be found by their `sub`.
    pub(crate) keystone_user: Option<String>,
    pub(crate) project: ProjectName,
    pub(crate) username: String,
    pub(crate) survey: String,
    /// Of the removal.
    pub(crate) reason: String,
    /// When they were removed.
    pub(crate) since: Timestamp,
}

impl Database {
    /// All of them with their numbers, the oldest first.
    pub(crate) async fn left_over(&self) -> Result<Vec<(i64, LeftOver)>, DatabaseError> {
        let rows = sqlx::query("SELECT * FROM left_over ORDER BY number")
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Forgets one, with what there is to say about it; not if they were removed once more meanwhile.
    pub(crate) async fn left_over_done(
        &self,
        number: i64,
        since: Timestamp,
        audit: Option<&Audit>,
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.writer.begin().await?;
        sqlx::query("DELETE FROM left_over WHERE number = ? AND since = ?")
            .bind(number)
            .bind(since.as_microsecond())
            .execute(&mut *transaction)
            .await?;
        if let Some(audit) = audit {
            insert(audit, &mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Keeps one, within the transaction of the removal: whoever is refused is not forgotten either.
pub(super) async fn keep(
    left: &LeftOver,
    connection: &mut SqliteConnection,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO left_over (issuer, sub, keystone_user, project, username, survey, reason, since) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (issuer, sub, keystone_user, project) DO UPDATE SET \
         username = excluded.username, survey = excluded.survey, reason = excluded.reason, since = excluded.since",
    )
    .bind(&left.subject.issuer)
    .bind(&left.subject.sub)
    .bind(left.keystone_user.as_deref().unwrap_or_default())
    .bind(left.project.as_str())
    .bind(&left.username)
    .bind(&left.survey)
    .bind(&left.reason)
    .bind(left.since.as_microsecond())
    .execute(connection)
    .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<(i64, LeftOver), DatabaseError> {
    let user: String = row.try_get("keystone_user")?;
    let left = LeftOver {
        subject: SubjectId {
            issuer: row.try_get("issuer")?,
            sub: row.try_get("sub")?,
        },
        keystone_user: (!user.is_empty()).then_some(user),
        project: parsed(row, "project", |text| text.parse().ok())?,
        username: row.try_get("username")?,
        survey: row.try_get("survey")?,
        reason: row.try_get("reason")?,
        since: time(row, "since")?,
    };
    Ok((row.try_get("number")?, left))
}
