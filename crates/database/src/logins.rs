//! Refresh tokens, sealed.

use async_trait::async_trait;
use skykey_broker::{DatabaseError, Logins};
use skykey_types::{SubjectId, Timestamp};

use crate::row::get;
use crate::{SqliteDatabase, failed};

#[async_trait]
impl Logins for SqliteDatabase {
    async fn keep_login(
        &self,
        id: &SubjectId,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query("INSERT OR REPLACE INTO login (issuer, sub, sealed, kept) VALUES (?, ?, ?, ?)")
            .bind(&id.issuer)
            .bind(&id.sub)
            .bind(sealed)
            .bind(now.as_microsecond())
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn login(&self, id: &SubjectId) -> Result<Option<Vec<u8>>, DatabaseError> {
        let row = sqlx::query("SELECT sealed FROM login WHERE issuer = ? AND sub = ?")
            .bind(&id.issuer)
            .bind(&id.sub)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        row.map(|row| get(&row, 0)).transpose()
    }

    async fn forget_login(&self, id: &SubjectId, sealed: &[u8]) -> Result<bool, DatabaseError> {
        let gone = sqlx::query("DELETE FROM login WHERE issuer = ? AND sub = ? AND sealed = ?")
            .bind(&id.issuer)
            .bind(&id.sub)
            .bind(sealed)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(gone.rows_affected() > 0)
    }
}
