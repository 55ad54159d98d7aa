//! The broker's database on SQLite: rows in, rows out, no rules.
//!
//! What always holds: every commit is on disk before it is acknowledged (WAL mode, full
//! synchronisation); each call of the port is one transaction; the files are readable by their owner
//! alone; a file that an older version wrote opens, and is brought to this version.
//!
//! Several processes on one machine may open the same file. SQLite has one writer at a time; the
//! others wait for up to [`BUSY_TIMEOUT`].

mod audit;
mod backend_keys;
mod deletions;
mod leases;
mod logins;
mod migrations;
mod project_leases;
mod proofs;
mod row;

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use skykey_broker::{Database, DatabaseError};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

/// How long a call waits for another process that writes.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many calls read at a time.
const READERS: u32 = 4;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite refused.
    #[error("the broker's database failed: {0}")]
    Sqlite(#[from] sqlx::Error),
    /// Its file cannot be made private.
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
}

/// An open SQLite database. Clones share it.
#[derive(Debug, Clone)]
pub struct SqliteDatabase {
    /// SQLite has one writer, so there is one connection that writes.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteDatabase {
    /// Opens the database at `path`, and makes it if there is none. It and the files beside it are
    /// readable by their owner alone (mode 0600): they say who leases what.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        keep_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        migrations::migrator().run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self { writer, readers })
    }

    /// Begins a transaction that writes. It holds SQLite's write lock from the start, so that what
    /// it reads cannot be changed by another process before it commits.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, DatabaseError> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)
    }
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Returns SQLite's error as the port's.
fn failed(error: sqlx::Error) -> DatabaseError {
    DatabaseError::Failed(Box::new(error))
}

/// Makes the file if there is none, and takes it and what SQLite keeps beside it away from others.
/// The files that SQLite makes beside it later have its mode.
fn keep_private(path: &Path) -> Result<(), OpenError> {
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
    made.map_err(|source| OpenError::Private {
        path: path.to_owned(),
        source,
    })?;
    for file in [path.to_owned(), beside("-wal"), beside("-shm")] {
        let Ok(found) = fs::metadata(&file) else {
            continue;
        };
        if found.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&file, Permissions::from_mode(0o600))
                .map_err(|source| OpenError::Private { path: file, source })?;
        }
    }
    Ok(())
}
