//! Refresh tokens in the database, sealed.

use skykey_types::{SubjectId, Timestamp};
use sqlx::Row;

use super::{Database, DatabaseError};

impl Database {
    /// Keeps a person's sealed refresh token in place of the one before.
    pub(crate) async fn keep_login(
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
            .await?;
        Ok(())
    }

    pub(crate) async fn login(&self, id: &SubjectId) -> Result<Option<Vec<u8>>, DatabaseError> {
        let row = sqlx::query("SELECT sealed FROM login WHERE issuer = ? AND sub = ?")
            .bind(&id.issuer)
            .bind(&id.sub)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    pub(crate) async fn forget_login(&self, id: &SubjectId) -> Result<(), DatabaseError> {
        sqlx::query("DELETE FROM login WHERE issuer = ? AND sub = ?")
            .bind(&id.issuer)
            .bind(&id.sub)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}
