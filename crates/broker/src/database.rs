//! The broker's database: SQLite in WAL mode, every commit on disk before it is acknowledged.
//! Rows in, rows out; no rules.

mod audit;
mod leases;
mod left_over;
mod logins;
mod migrations;
mod standing;

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use skykey_types::{AccessKeyId, ProjectName, Timestamp};
use sqlx::Row;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};

pub(crate) use audit::Audit;
pub use audit::AuditEntry;
pub(crate) use leases::LeaseRow;
pub(crate) use left_over::LeftOver;
pub use standing::Standing;

/// A database that failed; nothing was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite said no.
    #[error("the broker's database failed: {0}")]
    Sqlite(#[from] sqlx::Error),
    /// Its file cannot be kept from others' eyes.
    #[error("{path} cannot be kept from others' eyes: {source}; give it to the user that skykey runs as", path = .path.display())]
    Private {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The tables could not be brought to this version.
    #[error("the broker's database cannot be brought to this version: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row that this version cannot read.
    #[error(
        "the broker's database holds a {column} that is none: '{found}'; it was written by another version or by hand"
    )]
    Damaged {
        /// Which column.
        column: &'static str,
        /// What stands there.
        found: String,
    },
}

/// The open database. SQLite has one writer, so there is one connection that writes.
#[derive(Debug, Clone)]
pub struct Database {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// The backend user's EC2 credential for one project, sealed.
pub(crate) struct BackendKeyRow {
    pub(crate) access: String,
    pub(crate) user_id: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) created: Timestamp,
    pub(crate) used: Timestamp,
}

impl Database {
    /// Opens the database at `path`, made if it is not there. It and the files beside it are for their
    /// owner's eyes alone (mode 0600): they say who leases what.
    pub async fn open(path: &Path) -> Result<Self, DatabaseError> {
        keep_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        migrations::migrator().run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self { writer, readers })
    }

    /// Closes it; what was acknowledged is on disk already.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(crate) async fn backend_key(
        &self,
        project: &ProjectName,
    ) -> Result<Option<BackendKeyRow>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM backend_key WHERE project = ?")
            .bind(project.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| {
            Ok(BackendKeyRow {
                access: row.try_get("access")?,
                user_id: row.try_get("user_id")?,
                sealed: row.try_get("sealed")?,
                created: time(&row, "created")?,
                used: time(&row, "used")?,
            })
        })
        .transpose()
    }

    pub(crate) async fn keep_backend_key(
        &self,
        project: &ProjectName,
        access: &str,
        user_id: &str,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query("INSERT OR REPLACE INTO backend_key (project, access, user_id, sealed, created, used) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(project.as_str())
            .bind(access)
            .bind(user_id)
            .bind(sealed)
            .bind(now.as_microsecond())
            .bind(now.as_microsecond())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Remembers when the backend key was last asked for.
    pub(crate) async fn backend_key_used(
        &self,
        project: &ProjectName,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE backend_key SET used = ? WHERE project = ?")
            .bind(at.as_microsecond())
            .bind(project.as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Forgets the backend key, if it is still `access`.
    pub(crate) async fn forget_backend_key(
        &self,
        project: &ProjectName,
        access: &AccessKeyId,
    ) -> Result<bool, DatabaseError> {
        let gone = sqlx::query("DELETE FROM backend_key WHERE project = ? AND access = ?")
            .bind(project.as_str())
            .bind(access.as_str())
            .execute(&self.writer)
            .await?;
        Ok(gone.rows_affected() > 0)
    }
}

/// Makes the file if it is not there, and takes it and what SQLite keeps beside it away from others. What
/// SQLite makes beside it later has its mode.
fn keep_private(path: &Path) -> Result<(), DatabaseError> {
    let beside = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let made = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path);
    made.map_err(|source| DatabaseError::Private {
        path: path.to_owned(),
        source,
    })?;
    for file in [path.to_owned(), beside("-wal"), beside("-shm")] {
        let Ok(found) = fs::metadata(&file) else {
            continue;
        };
        if found.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&file, Permissions::from_mode(0o600))
                .map_err(|source| DatabaseError::Private { path: file, source })?;
        }
    }
    Ok(())
}

/// A time out of the database.
fn time(row: &SqliteRow, column: &'static str) -> Result<Timestamp, DatabaseError> {
    optional_time(row, column)?.ok_or_else(|| DatabaseError::Damaged {
        column,
        found: "NULL".to_owned(),
    })
}

fn optional_time(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<Timestamp>, DatabaseError> {
    let micros: Option<i64> = row.try_get(column)?;
    micros
        .map(|micros| {
            Timestamp::from_microsecond(micros).map_err(|_| DatabaseError::Damaged {
                column,
                found: micros.to_string(),
            })
        })
        .transpose()
}

/// A value out of the database that must parse.
fn parsed<T>(
    row: &SqliteRow,
    column: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, DatabaseError> {
    let text: String = row.try_get(column)?;
    parse(&text).ok_or(DatabaseError::Damaged {
        column,
        found: text,
    })
}
