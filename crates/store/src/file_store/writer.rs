//! Writing a body: gathered in memory up to 1 MiB, then streamed to a temporary file.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use md5::{Digest, Md5};
use serde::Serialize;

use super::bucket::Bucket;
use super::uploads::Upload;
use super::volume::{Synced, Temp, blocking};
use super::{Shared, record};
use crate::{Attributes, ObjectInfo, ObjectWriter, PartInfo, Precondition, StoreError};

/// How much of a body is gathered in memory before it is written. A body that is no larger is
/// created, written, synced and renamed in one turn of a thread, at the commit.
const GATHER_BYTES: usize = 1024 * 1024;

/// An object being written.
pub(super) struct ObjectFile {
    bucket: Arc<Bucket>,
    key: String,
    body: BodyWriter,
}

impl ObjectFile {
    pub(super) fn new(
        shared: Arc<Shared>,
        bucket: Arc<Bucket>,
        key: String,
        size: Option<u64>,
    ) -> Self {
        Self {
            bucket,
            key,
            body: BodyWriter::new(shared, size),
        }
    }
}

#[async_trait]
impl ObjectWriter for ObjectFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.body.write(bytes).await
    }

    async fn commit(
        self: Box<Self>,
        attributes: Attributes,
        precondition: Precondition,
    ) -> Result<ObjectInfo, StoreError> {
        let Self { bucket, key, body } = *self;
        let shared = Arc::clone(&body.shared);
        blocking(move || {
            let (file, info) = body.finish(|size, etag| ObjectInfo {
                key,
                size,
                etag,
                modified: shared.clock.now(),
                attributes,
            })?;
            bucket.commit(&shared.volume, file, &info, &precondition)?;
            Ok(info)
        })
        .await
    }
}

/// A part being written.
pub(super) struct PartFile {
    upload: Arc<Upload>,
    number: u16,
    body: BodyWriter,
}

impl PartFile {
    pub(super) fn new(
        shared: Arc<Shared>,
        upload: Arc<Upload>,
        number: u16,
        size: Option<u64>,
    ) -> Self {
        Self {
            upload,
            number,
            body: BodyWriter::new(shared, size),
        }
    }
}

#[async_trait]
impl ObjectWriter for PartFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.body.write(bytes).await
    }

    async fn commit(
        self: Box<Self>,
        attributes: Attributes,
        _precondition: Precondition,
    ) -> Result<ObjectInfo, StoreError> {
        let Self {
            upload,
            number,
            body,
        } = *self;
        let shared = Arc::clone(&body.shared);
        blocking(move || {
            let (file, part) = body.finish(|size, etag| PartInfo {
                number,
                size,
                etag,
                modified: shared.clock.now(),
                checksums: attributes.checksums,
            })?;
            let info = ObjectInfo {
                key: upload.info.key.clone(),
                size: part.size,
                etag: part.etag.clone(),
                modified: part.modified,
                attributes: Attributes {
                    checksums: part.checksums.clone(),
                    ..Attributes::default()
                },
            };
            upload.commit_part(&shared.volume, file, part)?;
            Ok(info)
        })
        .await
    }
}

struct BodyWriter {
    shared: Arc<Shared>,
    expected_bytes: Option<u64>,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    spilled: Spilled,
}

enum Spilled {
    Nothing,
    Some(Spill),
    /// A write failed or was given up half-way: what there is must not become an object.
    Broken,
}

struct Spill {
    temp: Temp,
    md5: Md5,
    size: u64,
}

impl BodyWriter {
    fn new(shared: Arc<Shared>, expected_bytes: Option<u64>) -> Self {
        Self {
            shared,
            expected_bytes,
            gathered: Vec::new(),
            gathered_bytes: 0,
            spilled: Spilled::Nothing,
        }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.gathered_bytes += bytes.len();
        self.gathered.push(bytes);
        if self.gathered_bytes <= GATHER_BYTES {
            return Ok(());
        }
        let pieces = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let spilled = std::mem::replace(&mut self.spilled, Spilled::Broken);
        let shared = Arc::clone(&self.shared);
        let expected_bytes = self.expected_bytes;
        let spill = blocking(move || {
            let is_new = matches!(spilled, Spilled::Nothing);
            let mut spill = spilled.ready(&shared)?;
            if let Some(bytes) = expected_bytes.filter(|_| is_new) {
                spill.temp.reserve(bytes)?;
            }
            for piece in pieces {
                spill.append(&piece)?;
            }
            Ok(spill)
        })
        .await?;
        self.spilled = Spilled::Some(spill);
        Ok(())
    }

    /// Writes the rest and the metadata, and makes the file durable. Blocks.
    fn finish<M: Serialize>(
        self,
        metadata: impl FnOnce(u64, String) -> M,
    ) -> Result<(Synced, M), StoreError> {
        let mut spill = self.spilled.ready(&self.shared)?;
        let mut rest = Vec::with_capacity(self.gathered_bytes + 1024);
        for piece in self.gathered {
            rest.extend_from_slice(&piece);
        }
        spill.md5.update(&rest);
        spill.size += rest.len() as u64;
        let metadata = metadata(spill.size, hex::encode(spill.md5.finalize()));
        let tail = record::tail(&metadata, spill.size)?;
        rest.extend_from_slice(&tail);
        spill.temp.append(&rest)?;
        Ok((spill.temp.sync(&self.shared.volume, tail.len())?, metadata))
    }
}

impl Spilled {
    fn ready(self, shared: &Shared) -> Result<Spill, StoreError> {
        match self {
            Self::Nothing => Ok(Spill {
                temp: shared.volume.temp()?,
                md5: Md5::new(),
                size: 0,
            }),
            Self::Some(spill) => Ok(spill),
            Self::Broken => Err(StoreError::Io {
                action: "continue",
                path: "a write that failed before".into(),
                source: std::io::ErrorKind::BrokenPipe.into(),
            }),
        }
    }
}

impl Spill {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
        self.temp.append(bytes)
    }
}
