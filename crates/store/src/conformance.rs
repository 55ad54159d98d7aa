//! What every [`ObjectStore`] must do, as functions that fail by panicking. Each makes its own
//! bucket, so they can run on one store, one after the other or at once, but each only once.

mod listing;
mod objects;
mod races;
mod uploads;

use bytes::Bytes;
use futures::TryStreamExt;
use skykey_types::BucketName;

pub use self::listing::*;
pub use self::objects::*;
pub use self::races::*;
pub use self::uploads::*;
use crate::{Attributes, Object, ObjectInfo, ObjectStore, Precondition, StoreError};

/// Runs all of them.
pub async fn all(store: &dyn ObjectStore) {
    buckets_are_created_once_and_listed_in_order(store).await;
    an_unknown_bucket_is_an_error_everywhere(store).await;
    a_key_is_not_a_path(store).await;
    what_cannot_be_a_key_is_refused(store).await;
    what_was_written_is_read_back(store).await;
    a_range_is_those_bytes(store).await;
    a_reader_keeps_its_version(store).await;
    a_dropped_writer_changes_nothing(store).await;
    a_deleted_object_is_gone(store).await;
    a_precondition_decides(store).await;
    a_precondition_decides_about_a_deletion(store).await;
    a_copy_has_the_same_body(store).await;
    a_copy_is_of_the_version_that_was_judged(store).await;
    a_listing_is_in_order_of_the_bytes(store).await;
    a_common_prefix_is_skipped_in_one_step(store).await;
    keys_with_the_delimiter_are_merged(store).await;
    only_one_of_many_finds_the_key_absent(store).await;
    concurrent_writers_leave_one_whole_object(store).await;
    readers_never_see_half_a_change(store).await;
    an_object_is_made_of_its_parts(store).await;
    a_completion_that_breaks_a_rule_leaves_the_upload_open(store).await;
    a_part_is_replaced_by_a_later_one(store).await;
    an_ended_upload_is_unknown(store).await;
    uploads_are_listed_by_key_and_age(store).await;
}

async fn bucket(store: &dyn ObjectStore, name: &str) -> String {
    let parsed: BucketName = name.parse().expect("a test names its bucket well");
    store
        .create_bucket(&parsed)
        .await
        .expect("a bucket can be created");
    name.to_owned()
}

async fn try_put(
    store: &dyn ObjectStore,
    bucket: &str,
    key: &str,
    body: &[u8],
    precondition: Precondition,
) -> Result<ObjectInfo, StoreError> {
    let mut writer = store
        .begin_write(bucket, key, Some(body.len() as u64))
        .await?;
    for piece in body.chunks(100_000) {
        writer.write(Bytes::copy_from_slice(piece)).await?;
    }
    writer.commit(Attributes::default(), precondition).await
}

async fn put(store: &dyn ObjectStore, bucket: &str, key: &str, body: &[u8]) -> ObjectInfo {
    try_put(store, bucket, key, body, Precondition::None)
        .await
        .expect("an object can be written")
}

async fn open(store: &dyn ObjectStore, bucket: &str, key: &str) -> Object {
    store
        .open(bucket, key)
        .await
        .expect("an object can be opened")
        .expect("the object is there")
}

async fn body(object: &Object, range: std::ops::Range<u64>) -> Vec<u8> {
    let pieces: Vec<Bytes> = object
        .read(range)
        .try_collect()
        .await
        .expect("an object can be read");
    pieces.concat()
}

async fn get(store: &dyn ObjectStore, bucket: &str, key: &str) -> Vec<u8> {
    let object = open(store, bucket, key).await;
    body(&object, 0..u64::MAX).await
}

/// Bytes in which every shift shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap_or(0))
        .collect()
}

fn md5_hex(body: &[u8]) -> String {
    use md5::Digest;
    hex::encode(md5::Md5::digest(body))
}
