//! The seam: what a store does, whatever its files look like.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use skykey_types::BucketName;

use crate::{
    Attributes, BucketInfo, Completion, ObjectInfo, PartInfo, Precondition, StoreError, UploadId,
    UploadInfo,
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

    /// What is known of an object, or `None` if there is none. Touches no disk.
    async fn info(&self, bucket: &str, key: &str) -> Result<Option<Arc<ObjectInfo>>, StoreError>;

    /// Opens one version of an object for reading, or `None` if there is none. What was opened
    /// stays readable while the object is overwritten or deleted.
    async fn open(&self, bucket: &str, key: &str) -> Result<Option<Opened>, StoreError>;

    /// Starts to write an object. Nobody sees it before [`ObjectWriter::commit`].
    async fn begin_write(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<Box<dyn ObjectWriter>, StoreError>;

    /// Makes an object of another's body, without moving the body through this process.
    /// `from` is a bucket and a key. Without `attributes` the copy has those of the source; with
    /// `attributes` that hold no checksums it keeps the source's checksums, as it keeps the ETag:
    /// the body is the same. Source and copy may be the same object. Fails with
    /// [`StoreError::NoSuchKey`] if there is no source.
    async fn copy(
        &self,
        from: (&str, &str),
        bucket: &str,
        key: &str,
        attributes: Option<Attributes>,
        precondition: Precondition,
    ) -> Result<Arc<ObjectInfo>, StoreError>;

    /// Deletes an object; says whether there was one.
    async fn delete(&self, bucket: &str, key: &str) -> Result<bool, StoreError>;

    /// At most `limit` objects whose keys start with `prefix`, in the order of the keys' bytes,
    /// from `after` on. Fewer than `limit` means that there are no more. To list with a delimiter,
    /// ask on with [`After::Prefix`] at each common prefix: its keys are skipped in one step.
    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: After<'_>,
        limit: usize,
    ) -> Result<Vec<Arc<ObjectInfo>>, StoreError>;

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
    /// part of that number. A precondition is not looked at, and of the attributes only the
    /// checksums are kept.
    async fn begin_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        number: u16,
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
    ) -> Result<Arc<ObjectInfo>, StoreError>;

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

    /// The MD5 of what was written is in the answer's `etag`; whoever must check the body against
    /// a digest does so before, since from here on the object is there. `Ok` means durable.
    async fn commit(
        self: Box<Self>,
        attributes: Attributes,
        precondition: Precondition,
    ) -> Result<Arc<ObjectInfo>, StoreError>;
}

/// Where a listing goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum After<'a> {
    /// At the beginning.
    #[default]
    Nothing,
    /// Strictly after this key.
    Key(&'a str),
    /// After every key that starts with this (a common prefix that was listed as such).
    Prefix(&'a str),
}

/// One version of an object, open for reading.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What is known of this version.
    pub info: Arc<ObjectInfo>,
    body: Body,
}

/// Where the body of an [`Opened`] is.
#[derive(Clone)]
pub enum Body {
    /// In memory, all of it.
    Memory(Bytes),
    /// In a file that holds it from `offset` on.
    File {
        /// The open file.
        file: Arc<File>,
        /// Where the body starts, in bytes.
        offset: u64,
    },
}

impl Opened {
    /// For implementations: `body` must hold `info.size` bytes.
    pub fn new(info: Arc<ObjectInfo>, body: Body) -> Self {
        Self { info, body }
    }

    /// The bytes from `range.start` up to but without `range.end`; what lies behind the body's end
    /// is left out. Reads as it goes, 256 KiB at a time, on threads that may block.
    pub fn stream(&self, range: Range<u64>) -> Bytestream {
        let end = range.end.min(self.info.size);
        let start = range.start.min(end);
        match &self.body {
            Body::Memory(bytes) => {
                let (start, end) = (usize::try_from(start), usize::try_from(end));
                let piece = match (start, end) {
                    (Ok(start), Ok(end)) if end <= bytes.len() => Ok(bytes.slice(start..end)),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
                stream::iter((!matches!(&piece, Ok(bytes) if bytes.is_empty())).then_some(piece))
                    .boxed()
            }
            Body::File { file, offset } => read_file(Arc::clone(file), *offset, start..end),
        }
    }

    /// The whole body.
    pub fn all(&self) -> Bytestream {
        self.stream(0..self.info.size)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => write!(f, "Memory({} bytes)", bytes.len()),
            Self::File { offset, .. } => write!(f, "File(from {offset})"),
        }
    }
}

const READ_BYTES: u64 = 256 * 1024;

fn read_file(file: Arc<File>, offset: u64, range: Range<u64>) -> Bytestream {
    stream::try_unfold((file, range), move |(file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let piece = range.start..range.end.min(range.start + READ_BYTES);
        let (from, to) = (piece.start, piece.end);
        let (bytes, file) = tokio::task::spawn_blocking(move || {
            let length = usize::try_from(to - from).map_err(io::Error::other)?;
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, offset + from)?;
            io::Result::Ok((Bytes::from(bytes), file))
        })
        .await
        .map_err(io::Error::other)??;
        Ok(Some((bytes, (file, to..range.end))))
    })
    .boxed()
}
