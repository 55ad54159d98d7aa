//! Listings.

use super::{bucket, put};
use crate::{After, Item, ObjectStore};

async fn keys(
    store: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    after: After<'_>,
    limit: usize,
) -> Vec<String> {
    let page = store
        .list(bucket, prefix, None, after, limit)
        .await
        .expect("a bucket is listed");
    page.objects().map(|entry| entry.key.clone()).collect()
}

/// And pages fit together without a gap.
pub async fn a_listing_is_in_order_of_the_bytes(store: &dyn ObjectStore) {
    let bucket = bucket(store, "listing").await;
    let mut all = [
        "b", "a/2", "a/10", "a", "ä", "Z", "a/1", "𝛼", "\u{ffff}", "a0",
    ];
    for key in all {
        put(store, &bucket, key, b"").await;
    }
    all.sort_unstable_by_key(|key| key.as_bytes());
    assert_eq!(keys(store, &bucket, "", After::Nothing, 100).await, all);
    assert_eq!(keys(store, &bucket, "", After::Nothing, 0).await, [""; 0]);
    assert_eq!(
        keys(store, &bucket, "a/", After::Nothing, 100).await,
        ["a/1", "a/10", "a/2"]
    );
    assert_eq!(
        keys(store, &bucket, "a/", After::Key("a/1"), 1).await,
        ["a/10"]
    );
    assert_eq!(
        keys(store, &bucket, "a/", After::Key("a/11"), 100).await,
        ["a/2"]
    );
    assert_eq!(
        keys(store, &bucket, "a/", After::Key("Z"), 2).await,
        ["a/1", "a/10"]
    );
    assert_eq!(
        keys(store, &bucket, "a/", After::Key("b"), 2).await,
        [""; 0]
    );
    assert_eq!(keys(store, &bucket, "c", After::Nothing, 2).await, [""; 0]);
    let mut paged: Vec<String> = Vec::new();
    loop {
        let after = paged.last().cloned();
        let page = keys(
            store,
            &bucket,
            "",
            after.as_deref().map_or(After::Nothing, After::Key),
            3,
        )
        .await;
        let last = page.len() < 3;
        paged.extend(page);
        if last {
            break;
        }
    }
    assert_eq!(paged, all);
}

/// Whatever character comes after it.
pub async fn a_common_prefix_is_skipped_in_one_step(store: &dyn ObjectStore) {
    let bucket = bucket(store, "skipping").await;
    for key in ["a/1", "a/\u{10ffff}\u{10ffff}", "a/z", "a0", "b/1", "c"] {
        put(store, &bucket, key, b"").await;
    }
    assert_eq!(
        keys(store, &bucket, "", After::Prefix("a/"), 100).await,
        ["a0", "b/1", "c"]
    );
    assert_eq!(
        keys(store, &bucket, "", After::Prefix("b/"), 100).await,
        ["c"]
    );
    assert_eq!(
        keys(store, &bucket, "b", After::Prefix("a/"), 100).await,
        ["b/1"]
    );
    assert_eq!(
        keys(store, &bucket, "a/", After::Prefix("a/"), 100).await,
        [""; 0]
    );
    assert_eq!(
        keys(store, &bucket, "", After::Prefix(""), 100).await,
        [""; 0]
    );
}

/// Into common prefixes, which are in order with the keys and count as one item each.
pub async fn keys_with_the_delimiter_are_merged(store: &dyn ObjectStore) {
    let bucket = bucket(store, "delimiters").await;
    for key in [
        "a", "a/1", "a/2/3", "a//", "a0", "b--c", "b--d--e", "é/1", "é/2",
    ] {
        put(store, &bucket, key, b"").await;
    }
    let list = async |prefix, delimiter, after, limit| {
        let page = store
            .list(&bucket, prefix, delimiter, after, limit)
            .await
            .expect("a bucket is listed");
        let names = page.items.iter().map(|item| match item {
            Item::Object(entry) => entry.key.clone(),
            Item::Prefix(prefix) => format!("{prefix}*"),
        });
        (names.collect::<Vec<_>>(), page.truncated)
    };
    let whole = |names: &[&str]| (names.iter().map(|&name| name.to_owned()).collect(), false);
    let part = |names: &[&str]| (names.iter().map(|&name| name.to_owned()).collect(), true);
    let (slash, dashes) = (Some("/"), Some("--"));
    let start = After::Nothing;
    assert_eq!(
        list("", slash, start, 9).await,
        whole(&["a", "a/*", "a0", "b--c", "b--d--e", "é/*"])
    );
    assert_eq!(
        list("a/", slash, start, 9).await,
        whole(&["a//*", "a/1", "a/2/*"])
    );
    assert_eq!(list("a", slash, start, 2).await, part(&["a", "a/*"]));
    assert_eq!(
        list("a", slash, After::Prefix("a/"), 2).await,
        whole(&["a0"])
    );
    // A key in the middle of a common prefix: the rest of it is still listed.
    assert_eq!(list("", slash, After::Key("a/1"), 1).await, part(&["a/*"]));
    assert_eq!(list("b", dashes, start, 9).await, whole(&["b--*"]));
    assert_eq!(
        list("b--", dashes, start, 9).await,
        whole(&["b--c", "b--d--*"])
    );
    assert_eq!(list("", slash, After::Key("é"), 1).await, whole(&["é/*"]));
    assert_eq!(list("", slash, start, 0).await, whole(&[]));
    assert_eq!(list("é", Some(""), start, 1).await, part(&["é/1"]));
}
