//! Disks that fail or fill up while the store is running.

use std::sync::Arc;

use bytes::Bytes;
use skykey_store::disk::{Fault, SimulatedDisk};
use skykey_store::{
    Attributes, ErrorKind, FileStore, ObjectInfo, ObjectStore, Precondition, StoreError,
};

use super::{clock, get, leftovers, open_on, simulated};

async fn put(store: &FileStore, key: &str, size: usize) -> Result<ObjectInfo, StoreError> {
    let mut writer = store.begin_write("sky", key, Some(size as u64)).await?;
    for piece in vec![7; size].chunks(300_000) {
        writer.write(Bytes::copy_from_slice(piece)).await?;
    }
    writer
        .commit(Attributes::default(), Precondition::None)
        .await
}

/// What a put of a small object does: create, write, sync, rename, sync the directory.
const CALLS_OF_A_PUT: u64 = 5;

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written_but_all_is_read() {
    for failing in [3, 5] {
        let (disk, store) = simulated().await;
        put(&store, "before", 4).await.unwrap();
        let upload = store
            .create_upload("sky", "before", Attributes::default())
            .await
            .unwrap();

        disk.fail_at(failing, Fault::Error);
        let failed = put(&store, "during", 4).await;
        assert!(
            matches!(failed, Err(StoreError::Io { action: "sync", .. })),
            "{failed:?}"
        );

        let none = || Precondition::None;
        let errors = [
            put(&store, "after", 4).await.err(),
            store.delete("sky", "before", none()).await.err(),
            store
                .copy(("sky", "before"), "sky", "after", None, none(), none())
                .await
                .err(),
            store.create_bucket(&"other".parse().unwrap()).await.err(),
            store
                .create_upload("sky", "after", Attributes::default())
                .await
                .err(),
            store
                .begin_part("sky", "before", &upload, 1, None)
                .await
                .err(),
            store.abort_upload("sky", "before", &upload).await.err(),
        ];
        for error in errors {
            assert!(
                matches!(error, Some(StoreError::Poisoned { .. })),
                "{error:?}"
            );
        }
        assert_eq!(get(&store, "before").await.unwrap(), [7; 4]);
        assert_eq!(store.head("sky", "during").await.unwrap(), None);
        drop(store);

        let store = open_on(&disk).await;
        assert!(store.head("sky", "before").await.unwrap().is_some());
        assert_eq!(store.head("sky", "during").await.unwrap(), None);
        put(&store, "after", 4).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_finds_the_disk_full_refuses_the_write_and_nothing_else() {
    let mut calls = Vec::new();
    for failing in 1.. {
        let (disk, store) = simulated().await;
        put(&store, "kept", 4).await.unwrap();
        disk.fail_at(failing, Fault::Full);
        let before = disk.calls();
        match put(&store, "kept", 5).await {
            Ok(_) => break,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Full, "{error}"),
        }
        calls.push(disk.calls() - before);
        assert_eq!(get(&store, "kept").await.unwrap(), [7; 4]);
        assert_eq!(leftovers(&disk), 0);
        put(&store, "kept", 6).await.unwrap();
        drop(store);
        let store = open_on(&disk.crash(failing)).await;
        assert_eq!(get(&store, "kept").await.unwrap(), [7; 6]);
    }
    assert_eq!(calls.len() as u64, CALLS_OF_A_PUT, "{calls:?}");
}

#[tokio::test]
async fn on_a_full_disk_objects_are_read_and_deleted() {
    for (size, room) in [(20_160, 300_000), (1_500_000, 4_000_000)] {
        let (disk, store) = simulated().await;
        disk.limit(room);
        let mut stored = 0;
        let error = loop {
            match put(&store, &format!("key-{stored}"), size).await {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        assert!(error.to_string().starts_with("the disk is full"), "{error}");
        assert!(stored > 1);
        assert_eq!(leftovers(&disk), 0);
        for number in 0..stored {
            let body = get(&store, &format!("key-{number}")).await.unwrap();
            assert_eq!(body.len(), size);
        }
        store
            .delete("sky", "key-0", Precondition::None)
            .await
            .unwrap();
        put(&store, "key-new", size).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_on_a_full_disk_says_so_when_it_is_opened() {
    let disk = SimulatedDisk::new();
    disk.limit(150);
    let opened = FileStore::open_on(Arc::new(disk), "/store".as_ref(), clock()).await;
    let error = opened.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    let text = error.to_string();
    assert!(
        text.contains("the disk is full") && text.contains("add space"),
        "{text}"
    );
}

#[tokio::test]
async fn an_announced_size_that_does_not_fit_is_refused_before_it_was_sent() {
    let (disk, store) = simulated().await;
    disk.limit(100_000_000);
    let mut writer = store
        .begin_write("sky", "big", Some(1 << 30))
        .await
        .unwrap();
    let refused = writer.write(Bytes::from(vec![0; 1_100_000])).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Full);
    drop(writer);
    assert_eq!(leftovers(&disk), 0);
}

#[tokio::test]
async fn an_object_whose_attributes_are_too_large_is_refused() {
    let (disk, store) = simulated().await;
    let writer = store.begin_write("sky", "a", None).await.unwrap();
    let attributes = Attributes {
        content_type: Some("x".repeat(1024 * 1024)),
        ..Attributes::default()
    };
    let refused = writer.commit(attributes, Precondition::None).await;
    assert!(
        matches!(refused, Err(StoreError::AttributesTooLarge { .. })),
        "{refused:?}"
    );
    assert_eq!(leftovers(&disk), 0);
}
