//! Buckets and whole objects.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{body, bucket, get, md5_hex, open, pattern, put, try_put};
use crate::{After, Attributes, ObjectStore, Precondition, Source, StoreError};

/// Buckets are listed by name; creating one again changes nothing.
pub async fn buckets_are_created_once_and_listed_in_order(store: &dyn ObjectStore) {
    let late = bucket(store, "made-b").await;
    bucket(store, "made-a").await;
    put(store, &late, "kept", b"x").await;
    let before = store.buckets().await.expect("buckets are listed");
    let known = store.bucket(&late).await.expect("the bucket is there");
    assert!(known.name.as_str() == late && before.contains(&known));
    bucket(store, "made-b").await;
    assert_eq!(store.buckets().await.expect("buckets are listed"), before);
    assert!(before.is_sorted_by(|a, b| a.name < b.name));
    assert_eq!(get(store, &late, "kept").await, b"x");
}

/// No method invents a bucket.
pub async fn an_unknown_bucket_is_an_error_everywhere(store: &dyn ObjectStore) {
    let no = "no-such-bucket";
    let mut errors = vec![
        store.bucket(no).await.err(),
        store.head(no, "k").await.err(),
        store.open(no, "k").await.err(),
        store.begin_write(no, "k", None).await.err(),
        store.delete(no, "k", Precondition::None).await.err(),
        store.list(no, "", None, After::Nothing, 1).await.err(),
        store
            .create_upload(no, "k", Attributes::default())
            .await
            .err(),
        store.uploads(no, "", None, 1).await.err(),
    ];
    let known = bucket(store, "known-bucket").await;
    put(store, &known, "k", b"x").await;
    errors.push(
        store
            .copy(
                (no, "k"),
                &known,
                "k",
                None,
                Precondition::None,
                Precondition::None,
            )
            .await
            .err(),
    );
    errors.push(
        store
            .copy(
                (&known, "k"),
                no,
                "k",
                None,
                Precondition::None,
                Precondition::None,
            )
            .await
            .err(),
    );
    for error in errors {
        assert!(
            matches!(&error, Some(StoreError::NoSuchBucket { bucket }) if bucket == no),
            "{error:?}"
        );
    }
}

/// `..`, `a` beside `a/b`, and 1,024 bytes are keys like any other.
pub async fn a_key_is_not_a_path(store: &dyn ObjectStore) {
    let bucket = bucket(store, "keys").await;
    let longest = "ä".repeat(512);
    let keys = [
        "a",
        "a/",
        "a/b",
        "a//b",
        "..",
        "../../etc/passwd",
        "/",
        ".",
        " ",
        "A",
        "\n",
        "%2e",
        "𝛼/β",
        &longest,
    ];
    for key in keys {
        put(store, &bucket, key, key.as_bytes()).await;
    }
    for key in keys {
        assert_eq!(get(store, &bucket, key).await, key.as_bytes(), "{key:?}");
    }
    let listed = store
        .list(&bucket, "", None, After::Nothing, 100)
        .await
        .expect("a bucket is listed");
    assert_eq!(listed.items.len(), keys.len());
}

/// Empty, with a NUL, or longer than 1,024 bytes.
pub async fn what_cannot_be_a_key_is_refused(store: &dyn ObjectStore) {
    let bucket = bucket(store, "bad-keys").await;
    for bad in ["", "a\0b"] {
        let error = store.begin_write(&bucket, bad, None).await.err();
        assert!(
            matches!(error, Some(StoreError::InvalidKey { .. })),
            "{error:?}"
        );
        assert!(
            store.head(&bucket, bad).await.is_err()
                && store
                    .delete(&bucket, bad, Precondition::None)
                    .await
                    .is_err()
        );
    }
    let long = "ä".repeat(512) + "b";
    let error = store.begin_write(&bucket, &long, None).await.err();
    assert!(
        matches!(error, Some(StoreError::KeyTooLong { length: 1025 })),
        "{error:?}"
    );
}

/// Body, MD5, size and attributes, whatever the size.
pub async fn what_was_written_is_read_back(store: &dyn ObjectStore) {
    let bucket = bucket(store, "round-trip").await;
    let attributes = Attributes {
        content_type: Some("application/fits".to_owned()),
        expires: Some("never".to_owned()),
        user: BTreeMap::from([("observer".to_owned(), "Caroline Herschel".to_owned())]),
        checksums: BTreeMap::from([("CRC32C".to_owned(), "AAAAAA==".to_owned())]),
        source: Some(Source {
            size: 3,
            modified: "2026-01-01T00:00:00.123456789Z".parse().expect("a time"),
        }),
        ..Attributes::default()
    };
    for size in [
        0,
        1,
        20_160,
        128 * 1024 + 1,
        1024 * 1024 - 1,
        1024 * 1024,
        1024 * 1024 + 1,
        3_333_333,
    ] {
        let content = pattern(size);
        let mut writer = store
            .begin_write(&bucket, "object", None)
            .await
            .expect("a write starts");
        for piece in content.chunks(70_001) {
            writer
                .write(Bytes::copy_from_slice(piece))
                .await
                .expect("a piece is taken");
        }
        let info = writer
            .commit(attributes.clone(), Precondition::None)
            .await
            .expect("a write ends");
        assert_eq!((info.key.as_str(), info.size), ("object", size as u64));
        assert_eq!(info.etag, md5_hex(&content));
        assert_eq!(info.attributes, attributes);
        assert_eq!(
            store.head(&bucket, "object").await.expect("known"),
            Some(info.clone())
        );
        let opened = open(store, &bucket, "object").await;
        assert_eq!(opened.info, info);
        assert!(
            body(&opened, 0..info.size).await == content,
            "{size} bytes came back as others"
        );
    }
}

/// Also where the body ends, and in objects larger than a read.
pub async fn a_range_is_those_bytes(store: &dyn ObjectStore) {
    let bucket = bucket(store, "ranges").await;
    for size in [1000, 1_000_000_usize] {
        let content = pattern(size);
        put(store, &bucket, "object", &content).await;
        let opened = open(store, &bucket, "object").await;
        for (from, to) in [
            (0, 0),
            (0, 1),
            (1, size),
            (size - 1, size),
            (size / 3, size / 2),
            (7, 7),
            (size, size),
        ] {
            assert!(
                body(&opened, from as u64..to as u64).await == content[from..to],
                "{from}..{to} of {size}"
            );
        }
        assert!(body(&opened, 5..u64::MAX).await == content[5..]);
        assert!(body(&opened, size as u64 + 5..u64::MAX).await.is_empty());
    }
}

/// What is open stays as it was while the object is replaced and deleted.
pub async fn a_reader_keeps_its_version(store: &dyn ObjectStore) {
    let bucket = bucket(store, "versions").await;
    for size in [10, 600_000] {
        let (old, new) = (pattern(size), vec![9; size + 1]);
        put(store, &bucket, "object", &old).await;
        let opened = open(store, &bucket, "object").await;
        put(store, &bucket, "object", &new).await;
        assert!(get(store, &bucket, "object").await == new);
        store
            .delete(&bucket, "object", Precondition::None)
            .await
            .expect("deleted");
        assert_eq!(opened.info.etag, md5_hex(&old));
        assert!(body(&opened, 0..u64::MAX).await == old);
    }
}

/// Neither a new object nor a change of an old one.
pub async fn a_dropped_writer_changes_nothing(store: &dyn ObjectStore) {
    let bucket = bucket(store, "dropped").await;
    put(store, &bucket, "old", b"old").await;
    for key in ["old", "new"] {
        let mut writer = store
            .begin_write(&bucket, key, None)
            .await
            .expect("a write starts");
        writer
            .write(Bytes::from(pattern(2_000_000)))
            .await
            .expect("a piece is taken");
    }
    assert_eq!(get(store, &bucket, "old").await, b"old");
    assert_eq!(store.head(&bucket, "new").await.expect("asked"), None);
}

/// And says whether it was there.
pub async fn a_deleted_object_is_gone(store: &dyn ObjectStore) {
    let bucket = bucket(store, "deleted").await;
    put(store, &bucket, "object", b"x").await;
    assert!(
        store
            .delete(&bucket, "object", Precondition::None)
            .await
            .expect("deleted")
    );
    assert!(
        !store
            .delete(&bucket, "object", Precondition::None)
            .await
            .expect("asked")
    );
    assert_eq!(store.head(&bucket, "object").await.expect("asked"), None);
    assert!(
        store
            .open(&bucket, "object")
            .await
            .expect("asked")
            .is_none()
    );
    assert!(
        store
            .list(&bucket, "", None, After::Nothing, 9)
            .await
            .expect("listed")
            .items
            .is_empty()
    );
    put(store, &bucket, "object", b"again").await;
    assert_eq!(get(store, &bucket, "object").await, b"again");
}

/// `IfAbsent` and `IfMatch`, each where it holds and where it does not.
pub async fn a_precondition_decides(store: &dyn ObjectStore) {
    let bucket = bucket(store, "preconditions").await;
    let matches = |etag: &str| Precondition::IfMatch(etag.to_owned());
    let refused = try_put(store, &bucket, "object", b"1", matches("0")).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::PreconditionFailed { current: None })
        ),
        "{refused:?}"
    );
    let first = try_put(store, &bucket, "object", b"1", Precondition::IfAbsent)
        .await
        .expect("it was absent");
    for precondition in [Precondition::IfAbsent, matches("0")] {
        let refused = try_put(store, &bucket, "object", b"2", precondition).await;
        assert!(
            matches!(&refused, Err(StoreError::PreconditionFailed { current: Some(etag) }) if *etag == first.etag),
            "{refused:?}"
        );
    }
    assert_eq!(get(store, &bucket, "object").await, b"1");
    try_put(store, &bucket, "object", b"2", matches(&first.etag))
        .await
        .expect("it matched");
    assert_eq!(get(store, &bucket, "object").await, b"2");
}

/// With the source's attributes or new ones, onto another key or its own.
pub async fn a_copy_has_the_same_body(store: &dyn ObjectStore) {
    let (from, to) = (
        bucket(store, "copy-from").await,
        bucket(store, "copy-to").await,
    );
    let content = pattern(300_000);
    let mut writer = store
        .begin_write(&from, "a", None)
        .await
        .expect("a write starts");
    writer
        .write(Bytes::copy_from_slice(&content))
        .await
        .expect("taken");
    let checksums = BTreeMap::from([("CRC32".to_owned(), "x".to_owned())]);
    let old = Attributes {
        content_type: Some("old".to_owned()),
        checksums,
        ..Attributes::default()
    };
    let source = writer
        .commit(old, Precondition::None)
        .await
        .expect("a write ends");

    let same = store
        .copy(
            (&from, "a"),
            &to,
            "b",
            None,
            Precondition::None,
            Precondition::IfAbsent,
        )
        .await
        .expect("copied");
    assert_eq!(
        (&same.attributes, &same.etag, same.size),
        (&source.attributes, &source.etag, source.size)
    );
    assert!(get(store, &to, "b").await == content);

    let new = Attributes {
        content_type: Some("new".to_owned()),
        ..Attributes::default()
    };
    let onto_itself = store
        .copy(
            (&from, "a"),
            &from,
            "a",
            Some(new),
            Precondition::None,
            Precondition::None,
        )
        .await
        .expect("copied");
    assert_eq!(onto_itself.attributes.content_type.as_deref(), Some("new"));
    assert_eq!(
        onto_itself.attributes.checksums,
        source.attributes.checksums
    );
    assert!(get(store, &from, "a").await == content);

    let refused = store
        .copy(
            (&from, "a"),
            &to,
            "b",
            None,
            Precondition::None,
            Precondition::IfAbsent,
        )
        .await;
    assert!(
        matches!(refused, Err(StoreError::PreconditionFailed { .. })),
        "{refused:?}"
    );
    let missing = store
        .copy(
            (&from, "z"),
            &to,
            "b",
            None,
            Precondition::None,
            Precondition::None,
        )
        .await;
    assert!(
        matches!(&missing, Err(StoreError::NoSuchKey { key, .. }) if key == "z"),
        "{missing:?}"
    );
}

/// `IfMatch` where it holds and where it does not, and `IfAbsent`, which deletes nothing.
pub async fn a_precondition_decides_about_a_deletion(store: &dyn ObjectStore) {
    let bucket = bucket(store, "delete-conditions").await;
    let matches = |etag: &str| Precondition::IfMatch(etag.to_owned());
    let old = put(store, &bucket, "object", b"1").await;
    let new = put(store, &bucket, "object", b"2").await;
    for condition in [matches(&old.etag), Precondition::IfAbsent] {
        let refused = store.delete(&bucket, "object", condition).await;
        assert!(
            matches!(&refused, Err(StoreError::PreconditionFailed { current: Some(etag) }) if *etag == new.etag),
            "{refused:?}"
        );
    }
    assert_eq!(get(store, &bucket, "object").await, b"2");
    let deleted = store.delete(&bucket, "object", matches(&new.etag)).await;
    assert!(deleted.expect("it matched"));
    let refused = store.delete(&bucket, "object", matches(&new.etag)).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::PreconditionFailed { current: None })
        ),
        "{refused:?}"
    );
    let absent = store.delete(&bucket, "object", Precondition::IfAbsent);
    assert!(!absent.await.expect("there is none"));
}

/// If the source was replaced since, nothing is copied.
pub async fn a_copy_is_of_the_version_that_was_judged(store: &dyn ObjectStore) {
    let bucket = bucket(store, "copy-judged").await;
    let judged = put(store, &bucket, "a", b"1").await;
    put(store, &bucket, "a", b"2").await;
    let copy = async |etag: &str| {
        let source = Precondition::IfMatch(etag.to_owned());
        store
            .copy(
                (&bucket, "a"),
                &bucket,
                "b",
                None,
                source,
                Precondition::None,
            )
            .await
    };
    let refused = copy(&judged.etag).await;
    assert!(
        matches!(&refused, Err(StoreError::PreconditionFailed { .. })),
        "{refused:?}"
    );
    assert_eq!(store.head(&bucket, "b").await.expect("asked"), None);
    copy(&md5_hex(b"2")).await.expect("it matched");
    assert_eq!(get(store, &bucket, "b").await, b"2");
}
