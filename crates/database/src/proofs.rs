//! The last proof of each survey and method.

use async_trait::async_trait;
use skykey_broker::{Audit, DatabaseError, Proof, ProofLog, ProofRecord};
use skykey_types::Timestamp;
use sqlx::sqlite::SqliteRow;

use crate::audit::insert;
use crate::row::{get, parsed, time};
use crate::{SqliteDatabase, failed};

const READ_ONLY: &str = "read-only";
const WRITES: &str = "writes";
const UNREADABLE: &str = "unreadable";
const UNCLEAR: &str = "unclear";

#[async_trait]
impl ProofLog for SqliteDatabase {
    async fn record_proof(&self, record: &ProofRecord, audit: &Audit) -> Result<(), DatabaseError> {
        // The names of operations hold no newline.
        let (result, detail) = match &record.proof {
            Proof::ReadOnly => (READ_ONLY, String::new()),
            Proof::Writes(operations) => (WRITES, operations.join("\n")),
            Proof::Unreadable(why) => (UNREADABLE, why.clone()),
            Proof::Unclear(why) => (UNCLEAR, why.clone()),
        };
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO proof (survey, method, at, result, detail) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (survey, method) DO UPDATE SET \
             at = excluded.at, result = excluded.result, detail = excluded.detail \
             WHERE excluded.at >= proof.at",
        )
        .bind(record.survey.as_str())
        .bind(record.method.as_str())
        .bind(record.at.as_microsecond())
        .bind(result)
        .bind(detail)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        insert(audit, &mut *transaction).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn proofs_since(&self, since: Timestamp) -> Result<Vec<ProofRecord>, DatabaseError> {
        let rows = sqlx::query("SELECT * FROM proof WHERE at >= ? ORDER BY survey, method")
            .bind(since.as_microsecond())
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<ProofRecord, DatabaseError> {
    let detail: String = get(row, "detail")?;
    let proof = parsed(row, "result", |result| match result {
        READ_ONLY => Some(Proof::ReadOnly),
        WRITES => Some(Proof::Writes(
            detail.split('\n').map(str::to_owned).collect(),
        )),
        UNREADABLE => Some(Proof::Unreadable(detail)),
        UNCLEAR => Some(Proof::Unclear(detail)),
        _ => None,
    })?;
    Ok(ProofRecord {
        survey: parsed(row, "survey", |text| text.parse().ok())?,
        method: parsed(row, "method", |text| text.parse().ok())?,
        at: time(row, "at")?,
        proof,
    })
}
