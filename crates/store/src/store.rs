//! What a store does, whatever its files look like.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use skykey_types::BucketName;

use crate::{
    After, Attributes, BucketInfo, Completion, Object, ObjectInfo, Page, PartInfo, Precondition,
    StoreError, UploadId, UploadInfo,
};

/// A body on its way, in pieces of any size.
pub type Bytestream = BoxStream<'static, io::Result<Bytes>>;

/// A store of objects in buckets. Every method that names a bucket fails with
/// [`StoreError::NoSuchBucket`] if there is none, every one that names a key with
/// [`StoreError::InvalidKey`] or [`StoreError::KeyTooLong`] if it cannot be one, and every one
/// that writes with [`StoreError::Poisoned`] once the disk has failed. A write is durable when its
/// future says `Ok`; if the future is dropped before, it has happened as a whole or not at all.
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Every bucket, in the order of the names.
    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError>;

    /// Creates a bucket; one that exists stays as it is.
    async fn create_bucket(&self, name: &BucketName) -> Result<(), StoreError>;

    /// Returns what is known of a bucket.
    async fn bucket(&self, name: &str) -> Result<BucketInfo, StoreError>;

    /// Returns what is known of an object, or `None` if there is none.
    async fn head(&self, bucket: &str, key: &str) -> Result<Option<ObjectInfo>, StoreError>;

    /// Opens one version of an object, or `None` if there is none. Reads nothing of its body. What
    /// was opened stays readable while the object is overwritten or deleted.
    async fn open(&self, bucket: &str, key: &str) -> Result<Option<Object>, StoreError>;

    /// Starts to write an object. No reader sees it before [`ObjectWriter::commit`]. `size` is the
    /// expected length of the body in bytes: a hint, which may be wrong.
    async fn begin_write(
        &self,
        bucket: &str,
        key: &str,
        size: Option<u64>,
    ) -> Result<Box<dyn ObjectWriter>, StoreError>;

    /// Makes an object of another's body, without moving the body through this process.
    /// `from` is a bucket and a key. Without `attributes` the copy has those of the source; with
    /// `attributes` that hold no checksums it keeps the source's checksums, as it keeps the ETag:
    /// the body is the same. Source and copy may be the same object. Fails with
    /// [`StoreError::NoSuchKey`] if there is no source, and with
    /// [`StoreError::PreconditionFailed`] if `source` does not hold for it or `precondition` not
    /// for the object that is replaced. A caller that judged the source names the ETag that it
    /// judged ([`Precondition::IfMatch`]), so that no other version is copied.
    async fn copy(
        &self,
        from: (&str, &str),
        bucket: &str,
        key: &str,
        attributes: Option<Attributes>,
        source: Precondition,
        precondition: Precondition,
    ) -> Result<ObjectInfo, StoreError>;

    /// Deletes an object; returns whether there was one. Fails with
    /// [`StoreError::PreconditionFailed`] and deletes nothing if `precondition` does not hold.
    async fn delete(
        &self,
        bucket: &str,
        key: &str,
        precondition: Precondition,
    ) -> Result<bool, StoreError>;

    /// Lists objects whose keys start with `prefix`, in the order of the keys' bytes, from `after`
    /// on. With a delimiter (of one or more characters; empty is none), keys that contain it behind
    /// `prefix` are merged into one [`Item::Prefix`](crate::Item::Prefix) for each common prefix.
    /// At most `limit` items; [`Page::truncated`] says whether there are more (never if `limit` is
    /// 0). The cost is that of what is returned, however many keys a common prefix stands for.
    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        after: After<'_>,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// Starts a multipart upload. It lives until it is completed or aborted, restarts included.
    async fn create_upload(
        &self,
        bucket: &str,
        key: &str,
        attributes: Attributes,
    ) -> Result<UploadId, StoreError>;

    /// What is known of an upload, else [`StoreError::NoSuchUpload`].
    async fn upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
    ) -> Result<Arc<UploadInfo>, StoreError>;

    /// At most `limit` open uploads to keys that start with `prefix`, ordered by key and then by
    /// id (which is by age), strictly after the given key and id. Fewer than `limit` means that
    /// there are no more.
    async fn uploads(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<(&str, &UploadId)>,
        limit: usize,
    ) -> Result<Vec<Arc<UploadInfo>>, StoreError>;

    /// Starts to write a part, number 1 to 10,000. When it is committed it replaces an earlier
    /// part of that number. `size` is a hint as in [`begin_write`](Self::begin_write). A precondition is not looked at, and of the attributes only the
    /// checksums are kept.
    async fn begin_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        number: u16,
        size: Option<u64>,
    ) -> Result<Box<dyn ObjectWriter>, StoreError>;

    /// At most `limit` parts with numbers above `after`, ascending.
    async fn parts(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<Vec<PartInfo>, StoreError>;

    /// Makes an object of an upload's parts and ends the upload. Fails with
    /// [`StoreError::InvalidPart`], [`StoreError::InvalidPartOrder`],
    /// [`StoreError::PartTooSmall`] or [`StoreError::PreconditionFailed`], and then the upload
    /// stays open.
    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        completion: Completion,
    ) -> Result<ObjectInfo, StoreError>;

    /// Ends an upload and throws its parts away.
    async fn abort_upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
    ) -> Result<(), StoreError>;
}

/// An object or part being written. Dropped without a commit it leaves nothing behind.
#[async_trait]
pub trait ObjectWriter: Send {
    /// Appends to the body. After an error the writer can only be dropped.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Makes the object visible and durable. Its `etag` is the MD5 of what was written; a caller
    /// that checks the body against a digest does so before.
    async fn commit(
        self: Box<Self>,
        attributes: Attributes,
        precondition: Precondition,
    ) -> Result<ObjectInfo, StoreError>;
}
