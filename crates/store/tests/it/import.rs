use std::fs;
use std::os::unix::ffi::OsStrExt;

use skykey_store::{After, Imported, ObjectStore, StoreError, import};

use super::{get, store_with_bucket};

#[tokio::test]
async fn a_directory_is_published_and_only_changes_are_published_again() {
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store_with_bucket(dir.path()).await;
    fs::create_dir_all(files.path().join("night/r")).unwrap();
    fs::write(files.path().join("night/r/m31.FITS"), vec![1; 2_000_000]).unwrap();
    fs::write(files.path().join("notes.txt"), b"cloudy").unwrap();

    let done = import(&store, "sky", "dp1/", files.path()).await.unwrap();
    assert_eq!(
        done,
        Imported {
            added: 2,
            unchanged: 0,
            skipped: 0,
            bytes: 2_000_006
        }
    );
    let listed = store
        .list("sky", "", None, After::Nothing, 9)
        .await
        .unwrap();
    let mut seen = Vec::new();
    for entry in listed.objects() {
        let info = store.head("sky", &entry.key).await.unwrap().unwrap();
        assert_eq!(info.entry(), *entry);
        seen.push((info.key, info.attributes.content_type.unwrap()));
    }
    let expected = [
        ("dp1/night/r/m31.FITS", "application/fits"),
        ("dp1/notes.txt", "application/octet-stream"),
    ];
    assert_eq!(
        seen,
        expected.map(|(key, kind)| (key.to_owned(), kind.to_owned()))
    );

    fs::write(files.path().join("notes.txt"), b"clear, after all").unwrap();
    let done = import(&store, "sky", "dp1/", files.path()).await.unwrap();
    assert_eq!(
        done,
        Imported {
            added: 1,
            unchanged: 1,
            skipped: 0,
            bytes: 16
        }
    );
    assert_eq!(
        get(&store, "dp1/notes.txt").await.unwrap(),
        b"clear, after all"
    );
}

#[tokio::test]
async fn no_link_is_followed() {
    let (dir, files, outside) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let store = store_with_bucket(dir.path()).await;
    fs::write(outside.path().join("secret"), b"secret").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), files.path().join("file")).unwrap();
    std::os::unix::fs::symlink(outside.path(), files.path().join("dir")).unwrap();
    let done = import(&store, "sky", "", files.path()).await.unwrap();
    assert_eq!(
        done,
        Imported {
            skipped: 2,
            ..Imported::default()
        }
    );
    assert!(
        store
            .list("sky", "", None, After::Nothing, 9)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn a_name_that_is_not_utf8_is_named_in_the_error() {
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store_with_bucket(dir.path()).await;
    fs::write(files.path().join("good"), b"x").unwrap();
    let bad = files
        .path()
        .join(std::ffi::OsStr::from_bytes(b"caf\xe9.fits"));
    fs::write(&bad, b"x").unwrap();
    let error = import(&store, "sky", "", files.path()).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::NameNotUtf8 { path } if *path == bad),
        "{error}"
    );
    assert!(
        store
            .list("sky", "", None, After::Nothing, 9)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
