//! The database's files are for their owner's eyes.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use skykey_broker::Database;
use skykey_database::SqliteDatabase;

fn modes(dir: &Path) -> Vec<(String, u32)> {
    let files = fs::read_dir(dir).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        (entry.file_name().into_string().unwrap(), mode)
    });
    let mut found: Vec<_> = files.collect();
    found.sort();
    found
}

#[tokio::test]
async fn the_database_that_others_could_read_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broker.db");
    let all =
        [("broker.db"), ("broker.db-shm"), ("broker.db-wal")].map(|name| (name.to_owned(), 0o600));
    let database = SqliteDatabase::open(&path).await.unwrap();
    assert_eq!(modes(dir.path()), all, "a new one");
    for (name, _) in &all {
        fs::set_permissions(dir.path().join(name), Permissions::from_mode(0o644)).unwrap();
    }
    let again = SqliteDatabase::open(&path).await.unwrap();
    assert_eq!(modes(dir.path()), all, "one that was there");
    again.close().await;
    database.close().await;
}
