//! What is on the disk after a crash, and what the store makes of it.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use skykey_store::{
    After, Attributes, Completion, FileStore, ObjectStore, Precondition, StoreError,
};

use super::{clock, get, put, store_with_bucket};

async fn reopen(dir: &Path) -> FileStore {
    FileStore::open(dir, clock()).await.unwrap()
}

fn object_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir.join("buckets/sky/objects"))
        .unwrap()
        .flat_map(|fan| fs::read_dir(fan.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn everything_known_of_an_object_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_bucket(dir.path()).await;
    let info = put(&store, "images/m31.fits", b"SIMPLE").await;
    let buckets = store.buckets().await.unwrap();
    drop(store);
    let store = reopen(dir.path()).await;
    assert_eq!(store.buckets().await.unwrap(), buckets);
    assert_eq!(
        store.head("sky", "images/m31.fits").await.unwrap(),
        Some(info)
    );
    assert_eq!(get(&store, "images/m31.fits").await.unwrap(), b"SIMPLE");
}

#[tokio::test]
async fn leftovers_of_a_crash_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    drop(store_with_bucket(dir.path()).await);
    fs::write(dir.path().join("tmp/0000000000000000"), b"half an object").unwrap();
    fs::create_dir(dir.path().join("tmp/half-a-bucket")).unwrap();
    fs::write(dir.path().join("tmp/half-a-bucket/file"), b"").unwrap();
    let store = reopen(dir.path()).await;
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    put(&store, "a", b"x").await;
}

#[tokio::test]
async fn of_two_versions_after_a_crash_the_newer_counts() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_bucket(dir.path()).await;
    put(&store, "a", b"old").await;
    let old_path = object_files(dir.path()).remove(0);
    let old_bytes = fs::read(&old_path).unwrap();
    put(&store, "a", b"new").await;
    drop(store);
    fs::write(&old_path, old_bytes).unwrap();
    assert_eq!(object_files(dir.path()).len(), 2);

    let store = reopen(dir.path()).await;
    assert_eq!(get(&store, "a").await.unwrap(), b"new");
    assert_eq!(object_files(dir.path()).len(), 1);
    assert!(store.delete("sky", "a", Precondition::None).await.unwrap());
    put(&store, "b", b"x").await;
    drop(store);
    let store = reopen(dir.path()).await;
    assert_eq!(get(&store, "a").await, None);
}

#[tokio::test]
async fn a_damaged_file_is_put_aside_and_the_rest_is_served() {
    type Harm = fn(&mut Vec<u8>);
    let harms: [(&str, Harm); 6] = [
        ("footer cut off", |file| file.truncate(file.len() - 1)),
        ("empty", Vec::clear),
        ("magic changed", |file| {
            let at = file.len() - 40;
            file[at] ^= 1;
        }),
        ("metadata changed", |file| {
            let at = file.len() - 50;
            file[at] ^= 1;
        }),
        ("length changed", |file| {
            let at = file.len() - 24;
            file[at] ^= 1;
        }),
        ("body shortened", |file| {
            file.remove(0);
        }),
    ];
    for (what, harm) in harms {
        let dir = tempfile::tempdir().unwrap();
        let store = store_with_bucket(dir.path()).await;
        put(&store, "harmed", b"some bytes of a body").await;
        let path = object_files(dir.path()).remove(0);
        put(&store, "whole", b"whole").await;
        drop(store);
        let mut file = fs::read(&path).unwrap();
        harm(&mut file);
        fs::write(&path, &file).unwrap();

        let store = reopen(dir.path()).await;
        assert_eq!(get(&store, "harmed").await, None, "{what}");
        assert_eq!(get(&store, "whole").await.unwrap(), b"whole", "{what}");
        let aside: Vec<_> = fs::read_dir(dir.path().join("damaged")).unwrap().collect();
        assert_eq!(aside.len(), 1, "{what}");
        assert_eq!(
            fs::read(aside[0].as_ref().unwrap().path()).unwrap(),
            file,
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_object_under_another_objects_name_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_bucket(dir.path()).await;
    put(&store, "a", b"a").await;
    let a = object_files(dir.path()).remove(0);
    drop(store);
    let moved = a.with_file_name(format!("{}-{:016x}", "0".repeat(64), 77));
    fs::rename(a, moved).unwrap();
    let store = reopen(dir.path()).await;
    assert!(
        store
            .list("sky", "", None, After::Nothing, 9)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(fs::read_dir(dir.path().join("damaged")).unwrap().count(), 1);
}

#[tokio::test]
async fn an_upload_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_bucket(dir.path()).await;
    let upload = store
        .create_upload("sky", "big", Attributes::default())
        .await
        .unwrap();
    let mut writer = store
        .begin_part("sky", "big", &upload, 1, None)
        .await
        .unwrap();
    writer.write(Bytes::from_static(b"part")).await.unwrap();
    let part = writer
        .commit(Attributes::default(), Precondition::None)
        .await
        .unwrap();
    let parts = store.parts("sky", "big", &upload, 0, 9).await.unwrap();
    drop(store);

    let store = reopen(dir.path()).await;
    assert_eq!(
        store.uploads("sky", "", None, 9).await.unwrap()[0].id,
        upload
    );
    assert_eq!(
        store.parts("sky", "big", &upload, 0, 9).await.unwrap(),
        parts
    );
    let completion = Completion {
        parts: vec![(1, part.etag.clone())],
        ..Completion::default()
    };
    store
        .complete_upload("sky", "big", &upload, completion)
        .await
        .unwrap();
    drop(store);

    let store = reopen(dir.path()).await;
    assert_eq!(get(&store, "big").await.unwrap(), b"part");
    assert!(store.uploads("sky", "", None, 9).await.unwrap().is_empty());
    assert_eq!(fs::read_dir(dir.path().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_dropped_writer_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_bucket(dir.path()).await;
    let mut writer = store.begin_write("sky", "a", None).await.unwrap();
    writer
        .write(Bytes::from(vec![1; 3 * 1024 * 1024]))
        .await
        .unwrap();
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 1);
    drop(writer);
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    assert!(object_files(dir.path()).is_empty());
}

#[tokio::test]
async fn a_store_is_open_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_bucket(dir.path()).await;
    let second = FileStore::open(dir.path(), clock()).await;
    assert!(
        matches!(second, Err(StoreError::InUse { .. })),
        "{second:?}"
    );
    drop(store);
    reopen(dir.path()).await;
}

#[tokio::test]
async fn a_store_of_another_format_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(store_with_bucket(dir.path()).await);
    fs::write(dir.path().join("FORMAT"), "skykey store 2\n").unwrap();
    fs::write(dir.path().join("tmp/kept"), "x").unwrap();
    let opened = FileStore::open(dir.path(), clock()).await;
    assert!(
        matches!(opened, Err(StoreError::UnknownFormat { .. })),
        "{opened:?}"
    );
    assert!(dir.path().join("tmp/kept").exists());
}
