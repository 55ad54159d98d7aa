//! The file store against the conformance tests, against a model, and after a crash.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test by panicking"
)]

mod conformance;
mod import;
mod model;
mod recovery;

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use skykey_store::{Attributes, FileStore, ObjectInfo, ObjectStore, Precondition};
use skykey_types::ManualClock;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-01T20:00:00Z".parse().unwrap()))
}

async fn store_with_bucket(dir: &std::path::Path) -> FileStore {
    let store = FileStore::open(dir, clock()).await.unwrap();
    store.create_bucket(&"sky".parse().unwrap()).await.unwrap();
    store
}

async fn put(store: &FileStore, key: &str, body: &[u8]) -> ObjectInfo {
    let mut writer = store.begin_write("sky", key, None).await.unwrap();
    writer.write(Bytes::copy_from_slice(body)).await.unwrap();
    writer
        .commit(Attributes::default(), Precondition::None)
        .await
        .unwrap()
}

async fn get(store: &FileStore, key: &str) -> Option<Vec<u8>> {
    let opened = store.open("sky", key).await.unwrap()?;
    let pieces: Vec<Bytes> = opened.all().try_collect().await.unwrap();
    Some(pieces.concat())
}
