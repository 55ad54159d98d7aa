//! The backend user's EC2 credentials.

use async_trait::async_trait;
use skykey_broker::{BackendKey, BackendKeyStore, DatabaseError};
use skykey_types::{AccessKeyId, ProjectName, Timestamp};

use crate::row::{get, time};
use crate::{SqliteDatabase, failed};

#[async_trait]
impl BackendKeyStore for SqliteDatabase {
    async fn backend_key(
        &self,
        project: &ProjectName,
    ) -> Result<Option<BackendKey>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM backend_key WHERE project = ?")
            .bind(project.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        row.map(|row| {
            Ok(BackendKey {
                access: AccessKeyId::new(get::<String>(&row, "access")?),
                user_id: get(&row, "user_id")?,
                sealed: get(&row, "sealed")?,
                created: time(&row, "created")?,
                used: time(&row, "used")?,
            })
        })
        .transpose()
    }

    async fn replace_backend_key(
        &self,
        project: &ProjectName,
        old: Option<&AccessKeyId>,
        new: &BackendKey,
    ) -> Result<bool, DatabaseError> {
        // One statement each: two processes cannot both replace the same credential.
        let statement = if old.is_some() {
            "UPDATE backend_key SET access = ?2, user_id = ?3, sealed = ?4, created = ?5, used = ?6 \
             WHERE project = ?1 AND access = ?7"
        } else {
            "INSERT INTO backend_key (project, access, user_id, sealed, created, used) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?7 IS NULL \
             ON CONFLICT (project) DO NOTHING"
        };
        let done = sqlx::query(statement)
            .bind(project.as_str())
            .bind(new.access.as_str())
            .bind(&new.user_id)
            .bind(&new.sealed)
            .bind(new.created.as_microsecond())
            .bind(new.used.as_microsecond())
            .bind(old.map(AccessKeyId::as_str))
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn backend_key_used(
        &self,
        project: &ProjectName,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE backend_key SET used = ?1 WHERE project = ?2 AND used < ?1")
            .bind(at.as_microsecond())
            .bind(project.as_str())
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn forget_backend_key(
        &self,
        project: &ProjectName,
        access: &AccessKeyId,
    ) -> Result<bool, DatabaseError> {
        let gone = sqlx::query("DELETE FROM backend_key WHERE project = ? AND access = ?")
            .bind(project.as_str())
            .bind(access.as_str())
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(gone.rows_affected() > 0)
    }
}
