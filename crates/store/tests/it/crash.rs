//! Power failures at every change of the disk, and calls that fail, against a reference.

use std::collections::BTreeMap;

use bytes::Bytes;
use md5::{Digest, Md5};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use skykey_store::disk::{Fault, SimulatedDisk};
use skykey_store::{
    After, Attributes, Completion, ErrorKind, FileStore, ObjectStore, Precondition, StoreError,
    UploadId,
};

use super::{get, leftovers, open_on, simulated};

const SEQUENCES: usize = 6;
const STEPS: usize = 12;

/// A body: its first byte and its length.
type Body = (u8, usize);

#[derive(Debug, Clone)]
enum Step {
    Put(String, Body),
    Copy(String, String),
    Delete(String),
    CreateUpload(String),
    /// Of the first open upload.
    Part(u16, Body),
    CompleteUpload,
    AbortUpload,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || "[ab]";
    let body = || {
        let size = prop_oneof![9 => 0..3000_usize, 1 => Just(1_100_000)];
        (any::<u8>(), size)
    };
    prop_oneof![
        6 => (key(), body()).prop_map(|(key, body)| Step::Put(key, body)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        3 => key().prop_map(Step::Delete),
        2 => key().prop_map(Step::CreateUpload),
        2 => (1..3_u16, body()).prop_map(|(number, body)| Step::Part(number, body)),
        2 => Just(Step::CompleteUpload),
        1 => Just(Step::AbortUpload),
    ]
}

/// The same sequences in every run.
fn sequences() -> Vec<Vec<Step>> {
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), random);
    let strategy = prop::collection::vec(step(), STEPS);
    let mut draw = || strategy.new_tree(&mut runner).unwrap().current();
    (0..SEQUENCES).map(|_| draw()).collect()
}

/// What a store holds. Uploads have no names here: keys, and the ETags of the parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Content {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: Vec<(String, BTreeMap<u16, String>)>,
}

/// ETag → body, of every part that was written.
type Bodies = BTreeMap<String, Vec<u8>>;

fn bytes((first, size): Body) -> Vec<u8> {
    (0..size)
        .map(|at| first.wrapping_add(u8::try_from(at % 251).unwrap()))
        .collect()
}

async fn write(store: &FileStore, key: &str, body: Body) -> Result<(), StoreError> {
    let mut writer = store.begin_write("sky", key, Some(body.1 as u64)).await?;
    writer.write(Bytes::from(bytes(body))).await?;
    let written = writer.commit(Attributes::default(), Precondition::None);
    written.await.map(drop)
}

async fn first_upload(store: &FileStore) -> Option<(String, UploadId)> {
    let uploads = store.uploads("sky", "", None, 1).await.unwrap();
    let upload = uploads.first()?;
    Some((upload.key.clone(), upload.id.clone()))
}

/// Does a step, and says what the store should hold afterwards.
async fn run(
    store: &FileStore,
    step: &Step,
    before: &Content,
    bodies: &mut Bodies,
) -> (Content, Result<(), StoreError>) {
    let mut after = before.clone();
    let upload = first_upload(store).await;
    let done = match step {
        Step::Put(key, body) => {
            after.objects.insert(key.clone(), bytes(*body));
            write(store, key, *body).await
        }
        Step::Copy(from, to) => {
            let Some(body) = before.objects.get(from) else {
                return (after, Ok(()));
            };
            after.objects.insert(to.clone(), body.clone());
            let none = || Precondition::None;
            let copied = store.copy(("sky", from), "sky", to, None, none(), none());
            copied.await.map(drop)
        }
        Step::Delete(key) => {
            after.objects.remove(key);
            let deleted = store.delete("sky", key, Precondition::None);
            deleted.await.map(drop)
        }
        Step::CreateUpload(key) => {
            let at = after.uploads.partition_point(|(other, _)| other <= key);
            after.uploads.insert(at, (key.clone(), BTreeMap::new()));
            let created = store.create_upload("sky", key, Attributes::default());
            created.await.map(drop)
        }
        Step::Part(number, body) => {
            let Some((key, id)) = upload else {
                return (after, Ok(()));
            };
            let bytes = bytes(*body);
            let etag = hex::encode(Md5::digest(&bytes));
            bodies.insert(etag.clone(), bytes);
            after.uploads[0].1.insert(*number, etag);
            part(store, &key, &id, *number, *body).await
        }
        Step::CompleteUpload => {
            let Some((key, id)) = upload else {
                return (after, Ok(()));
            };
            let Some((number, etag)) = before.uploads[0].1.first_key_value() else {
                return (after, Ok(()));
            };
            let completion = Completion {
                parts: vec![(*number, etag.clone())],
                ..Completion::default()
            };
            after.objects.insert(key.clone(), bodies[etag].clone());
            after.uploads.remove(0);
            let done = store.complete_upload("sky", &key, &id, completion);
            done.await.map(drop)
        }
        Step::AbortUpload => {
            let Some((key, id)) = upload else {
                return (after, Ok(()));
            };
            after.uploads.remove(0);
            store.abort_upload("sky", &key, &id).await
        }
    };
    (after, done)
}

async fn part(
    store: &FileStore,
    key: &str,
    id: &UploadId,
    number: u16,
    body: Body,
) -> Result<(), StoreError> {
    let mut writer = store.begin_part("sky", key, id, number, None).await?;
    writer.write(Bytes::from(bytes(body))).await?;
    let written = writer.commit(Attributes::default(), Precondition::None);
    written.await.map(drop)
}

async fn content(store: &FileStore) -> Content {
    let mut content = Content::default();
    let page = store.list("sky", "", None, After::Nothing, 100).await;
    for entry in page.unwrap().objects() {
        let info = store.head("sky", &entry.key).await.unwrap().unwrap();
        assert_eq!(info.entry(), *entry);
        let body = get(store, &entry.key).await.unwrap();
        assert_eq!(body.len() as u64, entry.size);
        content.objects.insert(entry.key.clone(), body);
    }
    for upload in store.uploads("sky", "", None, 100).await.unwrap() {
        let parts = store.parts("sky", &upload.key, &upload.id, 0, 100).await;
        let parts = parts.unwrap();
        let parts = parts
            .into_iter()
            .map(|part| (part.number, part.etag))
            .collect();
        content.uploads.push((upload.key.clone(), parts));
    }
    content
}

/// Whether the disk may hold `found` after `step` was not acknowledged.
fn is_allowed(step: &Step, found: &Content, before: &Content, after: &Content) -> bool {
    let objects = [&before.objects, &after.objects].contains(&&found.objects);
    let uploads = [&before.uploads, &after.uploads].contains(&&found.uploads);
    // The parts do not go before the object is there.
    let order = !matches!(step, Step::CompleteUpload)
        || found.objects == after.objects
        || found.uploads == before.uploads;
    objects && uploads && order
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// Runs the steps until the power fails. Returns the last step, with what the store must hold
/// without it and with it, and whether it was acknowledged.
async fn run_until_dark<'s>(
    disk: &SimulatedDisk,
    steps: &'s [Step],
) -> Option<(&'s Step, Content, Content, bool)> {
    let store = open_on(disk).await;
    let (mut content, mut bodies) = (Content::default(), Bodies::new());
    for step in steps {
        let (after, done) = run(&store, step, &content, &mut bodies).await;
        if disk.is_off() {
            return Some((step, content, after, done.is_ok()));
        }
        done.unwrap();
        content = after;
    }
    None
}

#[test]
fn what_was_acknowledged_survives_a_power_failure_at_every_change() {
    runtime().block_on(async {
        let (prepared, store) = simulated().await;
        drop(store);
        let mut failures = 0;
        for (number, steps) in sequences().iter().enumerate() {
            for call in 1.. {
                let disk = prepared.copy();
                disk.fail_at(call, Fault::Power);
                let dark = run_until_dark(&disk, steps).await;
                let Some((step, before, after, acknowledged)) = dark else {
                    break;
                };
                failures += 1;
                let disk = disk.crash(call * 1000 + number as u64);
                let store = open_on(&disk).await;
                let found = content(&store).await;
                let right = if acknowledged {
                    let uploads = [&before.uploads, &after.uploads];
                    found.objects == after.objects && uploads.contains(&&found.uploads)
                } else {
                    is_allowed(step, &found, &before, &after)
                };
                assert!(
                    right,
                    "sequence {number}, call {call}, {step:?} (acknowledged: {acknowledged})"
                );
                assert_eq!(leftovers(&disk), 0);
                nothing_comes_back(&disk, store, call).await;
            }
        }
        assert!(failures > 200, "only {failures} power failures");
    });
}

/// Deletes everything; after another power failure nothing of it is there.
async fn nothing_comes_back(disk: &SimulatedDisk, store: FileStore, seed: u64) {
    for key in content(&store).await.objects.keys() {
        assert!(store.delete("sky", key, Precondition::None).await.unwrap());
    }
    while let Some((key, id)) = first_upload(&store).await {
        store.abort_upload("sky", &key, &id).await.unwrap();
    }
    drop(store);
    let store = open_on(&disk.crash(seed)).await;
    assert_eq!(content(&store).await, Content::default());
}

#[test]
fn a_new_store_survives_a_power_failure_at_every_change() {
    runtime().block_on(async {
        for call in 1.. {
            let disk = SimulatedDisk::new();
            disk.fail_at(call, Fault::Power);
            let dir = "/store".as_ref();
            let opened =
                FileStore::open_on(std::sync::Arc::new(disk.clone()), dir, super::clock()).await;
            let mut acknowledged = false;
            if let Ok(store) = opened {
                let created = store.create_bucket(&"sky".parse().unwrap()).await;
                acknowledged = created.is_ok();
            }
            if !disk.is_off() {
                break;
            }
            let store = open_on(&disk.crash(call)).await;
            assert!(!acknowledged || store.bucket("sky").await.is_ok());
            store.create_bucket(&"sky".parse().unwrap()).await.unwrap();
            write(&store, "a", (1, 10)).await.unwrap();
            assert_eq!(content(&store).await.objects.len(), 1);
        }
    });
}

/// One call fails, then the disk works again. What the store says and what is on the disk agree.
async fn run_with_fault(prepared: &SimulatedDisk, steps: &[Step], call: u64, fault: Fault) -> bool {
    let disk = prepared.copy();
    let store = open_on(&disk).await;
    disk.fail_at(call, fault);
    let start = disk.calls();
    let (mut before, mut bodies) = (Content::default(), Bodies::new());
    let mut poisoned = false;
    for step in steps {
        let (after, done) = run(&store, step, &before, &mut bodies).await;
        let found = content(&store).await;
        match done {
            Ok(()) => assert_eq!(found, after, "call {call}, {fault:?}, {step:?}"),
            Err(error) => {
                assert!(
                    is_allowed(step, &found, &before, &after),
                    "call {call}, {fault:?}, {step:?}: {error}"
                );
                match error.kind() {
                    ErrorKind::Unavailable => poisoned = true,
                    kind => assert!(!poisoned, "{kind:?} after the disk failed"),
                }
            }
        }
        before = found;
    }
    assert!(!poisoned || fault == Fault::Error, "call {call} poisoned");
    if fault == Fault::Full {
        assert_eq!(leftovers(&disk), 0, "call {call}");
    }
    let done = disk.calls() - start < call;
    drop(store);
    let store = open_on(&disk.copy()).await;
    let found = content(&store).await;
    assert_eq!(found.objects, before.objects, "call {call}, {fault:?}");
    done
}

#[test]
fn a_call_that_fails_leaves_the_store_as_it_was_or_done() {
    runtime().block_on(async {
        let (prepared, store) = simulated().await;
        drop(store);
        for steps in &sequences() {
            for fault in [Fault::Error, Fault::Full] {
                for call in 1.. {
                    if run_with_fault(&prepared, steps, call, fault).await {
                        break;
                    }
                }
            }
        }
    });
}
