//! Random operations on the store and on a `BTreeMap`, which must agree at every step.

use std::collections::BTreeMap;

use proptest::prelude::*;
use skykey_store::{After, FileStore, ObjectStore, Precondition};

use super::{clock, get, put, store_with_bucket};

#[derive(Debug, Clone)]
enum Step {
    Put(String, Vec<u8>),
    Copy(String, String),
    Get(String),
    Range(String, u64, u64),
    Delete(String),
    List(String, Option<String>, usize),
    SkipPrefix(String, String),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || "[ab/é]{1,3}";
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 100_000..300_000_usize).prop_map(|(byte, size)| vec![byte; size]),
    ];
    prop_oneof![
        6 => (key(), body).prop_map(|(key, body)| Step::Put(key, body)),
        1 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        2 => key().prop_map(Step::Get),
        2 => (key(), 0..400_u64, 0..400_u64).prop_map(|(key, from, to)| Step::Range(key, from, to)),
        2 => key().prop_map(Step::Delete),
        2 => ("[ab/é]{0,2}", prop::option::of(key()), 0..6_usize)
            .prop_map(|(prefix, after, limit)| Step::List(prefix, after, limit)),
        1 => ("[ab/é]{0,1}", "[ab/é]{0,2}").prop_map(|(prefix, skip)| Step::SkipPrefix(prefix, skip)),
        1 => Just(Step::Reopen),
    ]
}

async fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_bucket(dir.path()).await;
    let mut model: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Put(key, body) => {
                put(&store, &key, &body).await;
                model.insert(key, body);
            }
            Step::Copy(from, to) => {
                let copied = store
                    .copy(
                        ("sky", &from),
                        "sky",
                        &to,
                        None,
                        Precondition::None,
                        Precondition::None,
                    )
                    .await;
                assert_eq!(copied.is_ok(), model.contains_key(&from));
                if let Some(body) = model.get(&from).cloned() {
                    model.insert(to, body);
                }
            }
            Step::Get(key) => assert!(get(&store, &key).await.as_ref() == model.get(&key)),
            Step::Range(key, from, to) => range(&store, &model, &key, from, to).await,
            Step::Delete(key) => {
                assert_eq!(
                    store.delete("sky", &key, Precondition::None).await.unwrap(),
                    model.remove(&key).is_some()
                );
            }
            Step::List(prefix, after, limit) => {
                let from = after.as_deref().map_or(After::Nothing, After::Key);
                let fits = |key: &str| {
                    key.starts_with(&prefix) && after.as_deref().is_none_or(|after| key > after)
                };
                list(&store, &model, &prefix, from, limit, fits).await;
            }
            Step::SkipPrefix(prefix, skip) => {
                let fits = |key: &str| {
                    key.starts_with(&prefix) && key > skip.as_str() && !key.starts_with(&skip)
                };
                list(&store, &model, &prefix, After::Prefix(&skip), 100, fits).await;
            }
            Step::Reopen => {
                drop(store);
                store = FileStore::open(dir.path(), clock()).await.unwrap();
            }
        }
    }
    drop(store);
    let store = FileStore::open(dir.path(), clock()).await.unwrap();
    list(&store, &model, "", After::Nothing, usize::MAX, |_| true).await;
    for (key, body) in &model {
        assert!(get(&store, key).await.as_ref() == Some(body));
    }
    let files = walk(&dir.path().join("buckets/sky/objects"));
    assert_eq!(files, model.len(), "an object has one file");
}

async fn range(
    store: &FileStore,
    model: &BTreeMap<String, Vec<u8>>,
    key: &str,
    from: u64,
    to: u64,
) {
    use futures::TryStreamExt;
    let Some(opened) = store.open("sky", key).await.unwrap() else {
        assert!(!model.contains_key(key));
        return;
    };
    let pieces: Vec<bytes::Bytes> = opened.read(from..to).try_collect().await.unwrap();
    let skip = usize::try_from(from).unwrap();
    let take = usize::try_from(to.saturating_sub(from)).unwrap();
    let expected: Vec<u8> = model[key].iter().copied().skip(skip).take(take).collect();
    assert_eq!(pieces.concat(), expected);
}

async fn list(
    store: &FileStore,
    model: &BTreeMap<String, Vec<u8>>,
    prefix: &str,
    after: After<'_>,
    limit: usize,
    fits: impl Fn(&str) -> bool,
) {
    let page = store.list("sky", prefix, None, after, limit).await.unwrap();
    let listed: Vec<_> = page
        .objects()
        .map(|info| (info.key.as_str(), info.size))
        .collect();
    let expected: Vec<_> = model
        .iter()
        .filter(|(key, _)| fits(key))
        .take(limit)
        .map(|(key, body)| (key.as_str(), body.len() as u64))
        .collect();
    assert_eq!(listed, expected);
}

fn walk(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { walk(&path) } else { 1 })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn the_store_and_a_map_agree(steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(run(steps));
    }
}
