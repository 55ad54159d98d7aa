//! The file store against the conformance tests, against a model, and after a crash.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test by panicking"
)]

mod conformance;
mod crash;
mod failing_disk;
mod import;
mod model;
mod reading;
mod recovery;

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use skykey_store::disk::{Disk, SimulatedDisk};
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

/// A store with a bucket, on a disk in memory.
async fn simulated() -> (SimulatedDisk, FileStore) {
    let disk = SimulatedDisk::new();
    let store = open_on(&disk).await;
    store.create_bucket(&"sky".parse().unwrap()).await.unwrap();
    (disk, store)
}

async fn open_on(disk: &SimulatedDisk) -> FileStore {
    FileStore::open_on(Arc::new(disk.clone()), "/store".as_ref(), clock())
        .await
        .unwrap()
}

/// How many files and directories are in `tmp/`.
fn leftovers(disk: &SimulatedDisk) -> usize {
    disk.entries("/store/tmp".as_ref()).unwrap().len()
}
