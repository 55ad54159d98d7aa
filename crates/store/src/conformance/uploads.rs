//! Multipart uploads.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{bucket, get, md5_hex, pattern, put};
use crate::{
    Attributes, Completion, MAX_PARTS, MIN_PART_BYTES, ObjectStore, Precondition, StoreError,
    UploadId,
};

async fn part(
    store: &dyn ObjectStore,
    place: (&str, &str, &UploadId),
    number: u16,
    body: &[u8],
) -> (u16, String) {
    let mut writer = store
        .begin_part(place.0, place.1, place.2, number, Some(body.len() as u64))
        .await
        .expect("a part starts");
    for piece in body.chunks(1_000_000) {
        writer
            .write(Bytes::copy_from_slice(piece))
            .await
            .expect("a piece is taken");
    }
    let info = writer
        .commit(Attributes::default(), Precondition::None)
        .await
        .expect("a part ends");
    assert_eq!(info.etag, md5_hex(body));
    (number, info.etag.clone())
}

fn of(parts: &[(u16, String)]) -> Completion {
    Completion {
        parts: parts.to_vec(),
        ..Completion::default()
    }
}

fn smallest() -> usize {
    usize::try_from(MIN_PART_BYTES).unwrap_or(usize::MAX)
}

/// In the order of their numbers, with the upload's attributes and S3's kind of ETag.
pub async fn an_object_is_made_of_its_parts(store: &dyn ObjectStore) {
    let bucket = bucket(store, "multipart").await;
    let attributes = Attributes {
        content_type: Some("application/fits".to_owned()),
        ..Attributes::default()
    };
    let upload = store
        .create_upload(&bucket, "object", attributes)
        .await
        .expect("an upload starts");
    let place = (bucket.as_str(), "object", &upload);
    let (first, last) = (pattern(smallest()), vec![7; 1000]);
    let named = [
        part(store, place, MAX_PARTS, &last).await,
        part(store, place, 3, &first).await,
    ];
    let listed = store
        .parts(&bucket, "object", &upload, 0, 100)
        .await
        .expect("parts are listed");
    assert_eq!(
        listed
            .iter()
            .map(|part| (part.number, part.size))
            .collect::<Vec<_>>(),
        [(3, first.len() as u64), (MAX_PARTS, 1000)]
    );
    assert_eq!(
        store
            .parts(&bucket, "object", &upload, 3, 100)
            .await
            .expect("listed"),
        listed[1..]
    );
    assert_eq!(
        store
            .parts(&bucket, "object", &upload, 0, 1)
            .await
            .expect("listed"),
        listed[..1]
    );
    assert_eq!(store.head(&bucket, "object").await.expect("asked"), None);

    let [last_named, first_named] = named;
    let checksums = BTreeMap::from([("CRC32C".to_owned(), "AAAAAA==-2".to_owned())]);
    let completion = Completion {
        parts: vec![first_named, last_named],
        checksums: checksums.clone(),
        precondition: Precondition::IfAbsent,
    };
    let info = store
        .complete_upload(&bucket, "object", &upload, completion)
        .await
        .expect("completed");
    let content = [first.as_slice(), &last].concat();
    let md5s = [hex::decode(md5_hex(&first)), hex::decode(md5_hex(&last))]
        .map(|md5| md5.expect("hexadecimal"));
    assert_eq!(info.etag, format!("{}-2", md5_hex(&md5s.concat())));
    assert_eq!(info.size, content.len() as u64);
    assert_eq!(
        info.attributes.content_type.as_deref(),
        Some("application/fits")
    );
    assert_eq!(info.attributes.checksums, checksums);
    assert!(get(store, &bucket, "object").await == content);
    assert!(
        store
            .uploads(&bucket, "", None, 9)
            .await
            .expect("listed")
            .is_empty()
    );
}

/// Each rule, and afterwards the upload can be completed as it should.
pub async fn a_completion_that_breaks_a_rule_leaves_the_upload_open(store: &dyn ObjectStore) {
    let bucket = bucket(store, "multipart-rules").await;
    put(store, &bucket, "object", b"old").await;
    let upload = store
        .create_upload(&bucket, "object", Attributes::default())
        .await
        .expect("an upload starts");
    let place = (bucket.as_str(), "object", &upload);
    for number in [0, MAX_PARTS + 1] {
        let refused = store
            .begin_part(&bucket, "object", &upload, number, None)
            .await
            .err();
        assert!(
            matches!(refused, Some(StoreError::InvalidPartNumber { .. })),
            "{refused:?}"
        );
    }
    let one = part(store, place, 1, &pattern(smallest())).await;
    let two = part(store, place, 2, &pattern(smallest() - 1)).await;
    let three = part(store, place, 3, b"").await;
    let complete = async |completion| {
        store
            .complete_upload(&bucket, "object", &upload, completion)
            .await
    };

    let refused = complete(of(&[])).await;
    assert!(
        matches!(refused, Err(StoreError::InvalidPart { number: 0 })),
        "{refused:?}"
    );
    for wrong in [(1, two.1.clone()), (9, one.1.clone())] {
        let refused = complete(of(std::slice::from_ref(&wrong))).await;
        assert!(
            matches!(refused, Err(StoreError::InvalidPart { number }) if number == wrong.0),
            "{refused:?}"
        );
    }
    for wrong in [[two.clone(), one.clone()], [one.clone(), one.clone()]] {
        let refused = complete(of(&wrong)).await;
        assert!(
            matches!(refused, Err(StoreError::InvalidPartOrder { number: 1 })),
            "{refused:?}"
        );
    }
    let refused = complete(of(&[one.clone(), two.clone(), three.clone()])).await;
    assert!(
        matches!(refused, Err(StoreError::PartTooSmall { number: 2, .. })),
        "{refused:?}"
    );
    let refused = complete(Completion {
        precondition: Precondition::IfAbsent,
        ..of(std::slice::from_ref(&one))
    })
    .await;
    assert!(
        matches!(
            refused,
            Err(StoreError::PreconditionFailed { current: Some(_) })
        ),
        "{refused:?}"
    );
    assert_eq!(get(store, &bucket, "object").await, b"old");

    let info = complete(of(&[one, three])).await.expect("completed");
    assert_eq!(info.size, MIN_PART_BYTES);
}

/// And a part that is dropped replaces nothing.
pub async fn a_part_is_replaced_by_a_later_one(store: &dyn ObjectStore) {
    let bucket = bucket(store, "multipart-again").await;
    let upload = store
        .create_upload(&bucket, "object", Attributes::default())
        .await
        .expect("an upload starts");
    let place = (bucket.as_str(), "object", &upload);
    let old = part(store, place, 1, b"old").await;
    let new = part(store, place, 1, b"new").await;
    let mut dropped = store
        .begin_part(&bucket, "object", &upload, 1, None)
        .await
        .expect("a part starts");
    dropped
        .write(Bytes::from_static(b"dropped"))
        .await
        .expect("taken");
    drop(dropped);
    let refused = store
        .complete_upload(&bucket, "object", &upload, of(&[old]))
        .await;
    assert!(
        matches!(refused, Err(StoreError::InvalidPart { number: 1 })),
        "{refused:?}"
    );
    store
        .complete_upload(&bucket, "object", &upload, of(&[new]))
        .await
        .expect("completed");
    assert_eq!(get(store, &bucket, "object").await, b"new");
}

/// Aborted, completed, another key's, or never there.
pub async fn an_ended_upload_is_unknown(store: &dyn ObjectStore) {
    let bucket = bucket(store, "multipart-ended").await;
    let create = async || {
        store
            .create_upload(&bucket, "object", Attributes::default())
            .await
            .expect("a start")
    };
    let (aborted, completed, open) = (create().await, create().await, create().await);
    let one = part(store, (&bucket, "object", &completed), 1, b"x").await;
    let mut late = store
        .begin_part(&bucket, "object", &aborted, 1, None)
        .await
        .expect("a part starts");
    late.write(Bytes::from_static(b"late"))
        .await
        .expect("taken");
    store
        .abort_upload(&bucket, "object", &aborted)
        .await
        .expect("aborted");
    store
        .complete_upload(&bucket, "object", &completed, of(&[one]))
        .await
        .expect("completed");
    let mut errors = vec![
        late.commit(Attributes::default(), Precondition::None)
            .await
            .err(),
    ];
    let never = UploadId::from_text("../../etc");
    for (key, upload) in [
        ("object", &aborted),
        ("object", &completed),
        ("other", &open),
        ("object", &never),
    ] {
        errors.push(store.upload(&bucket, key, upload).await.err());
        errors.push(store.begin_part(&bucket, key, upload, 1, None).await.err());
        errors.push(store.parts(&bucket, key, upload, 0, 1).await.err());
        errors.push(
            store
                .complete_upload(&bucket, key, upload, of(&[]))
                .await
                .err(),
        );
        errors.push(store.abort_upload(&bucket, key, upload).await.err());
    }
    for error in errors {
        assert!(
            matches!(error, Some(StoreError::NoSuchUpload { .. })),
            "{error:?}"
        );
    }
    assert_eq!(
        store
            .upload(&bucket, "object", &open)
            .await
            .expect("it is open")
            .id,
        open
    );
    store
        .abort_upload(&bucket, "object", &open)
        .await
        .expect("aborted");
}

/// In pages, below a prefix.
pub async fn uploads_are_listed_by_key_and_age(store: &dyn ObjectStore) {
    let bucket = bucket(store, "multipart-list").await;
    let mut expected = Vec::new();
    for key in ["b/1", "a", "b/2", "b/1"] {
        let id = store
            .create_upload(&bucket, key, Attributes::default())
            .await
            .expect("an upload starts");
        expected.push((key.to_owned(), id));
    }
    expected.sort();
    let list = async |prefix, after, limit| {
        let listed = store
            .uploads(&bucket, prefix, after, limit)
            .await
            .expect("uploads are listed");
        listed
            .iter()
            .map(|info| (info.key.clone(), info.id.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(list("", None, 9).await, expected);
    assert_eq!(list("b/", None, 9).await, expected[1..]);
    assert_eq!(
        list("b/", Some(("a", &expected[0].1)), 2).await,
        expected[1..3]
    );
    assert_eq!(
        list("", Some(("b/1", &expected[1].1)), 9).await,
        expected[2..]
    );
}
