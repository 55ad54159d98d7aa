//! The port's promises, kept by SQLite for two handles on one file.

use std::sync::{Arc, Mutex};

use skykey_broker::conformance::{self, Handles};
use skykey_database::SqliteDatabase;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_every_promise_of_the_port() {
    let folders = Mutex::new(Vec::new());
    conformance::all(async || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broker.db");
        folders.lock().unwrap().push(folder);
        let open = async || Arc::new(SqliteDatabase::open(&path).await.unwrap());
        Handles {
            one: open().await,
            other: open().await,
        }
    })
    .await;
}
