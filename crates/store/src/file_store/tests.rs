//! What needs a hand inside: a disk that fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use skykey_types::SystemClock;

use super::FileStore;
use crate::{Attributes, ObjectInfo, ObjectStore, Precondition, StoreError};

async fn put(store: &FileStore, key: &str) -> Result<ObjectInfo, StoreError> {
    let mut writer = store.begin_write("sky", key, None).await?;
    writer.write(Bytes::from_static(b"body")).await?;
    writer
        .commit(Attributes::default(), Precondition::None)
        .await
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written_but_all_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path(), Arc::new(SystemClock))
        .await
        .unwrap();
    store.create_bucket(&"sky".parse().unwrap()).await.unwrap();
    put(&store, "before").await.unwrap();
    let upload = store
        .create_upload("sky", "before", Attributes::default())
        .await
        .unwrap();

    store.0.disk.fail_syncs.store(true, Ordering::SeqCst);
    let failed = put(&store, "during").await;
    assert!(
        matches!(failed, Err(StoreError::Io { action: "sync", .. })),
        "{failed:?}"
    );
    store.0.disk.fail_syncs.store(false, Ordering::SeqCst);

    let errors = [
        put(&store, "after").await.err(),
        store
            .delete("sky", "before", Precondition::None)
            .await
            .err(),
        store
            .copy(
                ("sky", "before"),
                "sky",
                "after",
                None,
                Precondition::None,
                Precondition::None,
            )
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
    assert!(store.open("sky", "before").await.unwrap().is_some());
    assert_eq!(store.head("sky", "during").await.unwrap(), None);
    drop(store);

    let store = FileStore::open(dir.path(), Arc::new(SystemClock))
        .await
        .unwrap();
    assert!(store.head("sky", "before").await.unwrap().is_some());
    assert_eq!(store.head("sky", "during").await.unwrap(), None);
    put(&store, "after").await.unwrap();
}

#[tokio::test]
async fn an_object_whose_attributes_are_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path(), Arc::new(SystemClock))
        .await
        .unwrap();
    store.create_bucket(&"sky".parse().unwrap()).await.unwrap();
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
}
