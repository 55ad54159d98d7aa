//! The store as plain files: one file an object, or a part of an upload.
//!
//! ```text
//! FORMAT                                        says which layout this is
//! LOCK                                          held while a process has the store open
//! buckets/<bucket>/bucket.json
//! buckets/<bucket>/objects/<2 hex>/<SHA-256 of the key>-<generation>
//! uploads/<upload id>/upload.json
//! uploads/<upload id>/<part number>-<generation>
//! tmp/                                          being written; swept when the store is opened
//! damaged/                                      found unreadable when the store was opened
//! ```
//!
//! A new version of an object is a new file with a higher generation, and the old file goes when
//! the new one is durable. So a file never changes, and what the index says of a file is true of
//! that file for as long as somebody has it open. After a crash the highest generation counts.
//!
//! An object is acknowledged after: file written, file synced, renamed into place, directory
//! synced, index changed.

mod bucket;
mod index;
mod record;
mod recovery;
mod uploads;
mod volume;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use skykey_types::{BucketName, Clock};

use self::bucket::Bucket;
use self::uploads::Uploads;
use self::volume::{Volume, blocking};
use self::writer::{ObjectFile, PartFile};
use crate::disk::{Disk, LocalDisk, Lock};
use crate::{
    After, Attributes, BucketInfo, Completion, MAX_PARTS, Object, ObjectInfo, ObjectStore,
    ObjectWriter, Page, PartInfo, Precondition, StoreError, UploadId, UploadInfo, check_key,
};

/// The store as plain files below one directory, which one process has to itself.
#[derive(Clone)]
pub struct FileStore(Arc<Shared>);

struct Shared {
    buckets_dir: PathBuf,
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
    uploads: Uploads,
    volume: Volume,
    clock: Arc<dyn Clock>,
    /// Keeps other processes out for as long as it is open.
    _lock: Lock,
}

impl FileStore {
    /// Opens the store in `dir`, or creates it there. Reads the metadata of every object, so it
    /// takes time in proportion to their number. Leftovers of a crash are removed; damaged files
    /// are moved to `damaged/` and logged.
    pub async fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(LocalDisk::default()), dir, clock).await
    }

    /// As [`open`](Self::open), on a disk that is handed in.
    pub async fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let dir = dir.to_owned();
        blocking(move || recovery::open(disk, &dir, clock))
            .await
            .map(|shared| Self(Arc::new(shared)))
    }

    fn find_bucket(&self, name: &str) -> Result<Arc<Bucket>, StoreError> {
        let buckets = self
            .0
            .buckets
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        buckets
            .get(name)
            .cloned()
            .ok_or_else(|| StoreError::NoSuchBucket {
                bucket: name.to_owned(),
            })
    }

    fn bucket_for(&self, name: &str, key: &str) -> Result<Arc<Bucket>, StoreError> {
        let bucket = self.find_bucket(name)?;
        check_key(key)?;
        Ok(bucket)
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("buckets", &self.0.buckets_dir)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStore for FileStore {
    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        let buckets = self
            .0
            .buckets
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(buckets.values().map(|bucket| bucket.info.clone()).collect())
    }

    async fn create_bucket(&self, name: &BucketName) -> Result<(), StoreError> {
        let (shared, name) = (Arc::clone(&self.0), name.clone());
        blocking(move || {
            shared.volume.check()?;
            // Held throughout, so that two who create the same bucket do not meet.
            let mut buckets = shared
                .buckets
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if !buckets.contains_key(name.as_str()) {
                let info = BucketInfo {
                    name,
                    created: shared.clock.now(),
                };
                let bucket = Bucket::create(&shared.volume, &shared.buckets_dir, info)?;
                buckets.insert(bucket.info.name.as_str().to_owned(), Arc::new(bucket));
            }
            Ok(())
        })
        .await
    }

    async fn bucket(&self, name: &str) -> Result<BucketInfo, StoreError> {
        Ok(self.find_bucket(name)?.info.clone())
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<Option<ObjectInfo>, StoreError> {
        Ok(self.open(bucket, key).await?.map(|object| object.info))
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<Option<Object>, StoreError> {
        let bucket = self.bucket_for(bucket, key)?;
        if let Ok(object) = bucket.open_cached(&*self.0.volume.disk, key) {
            return Ok(object);
        }
        let (key, shared) = (key.to_owned(), Arc::clone(&self.0));
        blocking(move || {
            let opened = bucket.open(&*shared.volume.disk, &key)?;
            Ok(opened.map(|(object, _)| object))
        })
        .await
    }

    async fn begin_write(
        &self,
        bucket: &str,
        key: &str,
        size: Option<u64>,
    ) -> Result<Box<dyn ObjectWriter>, StoreError> {
        let bucket = self.bucket_for(bucket, key)?;
        self.0.volume.check()?;
        Ok(Box::new(ObjectFile::new(
            Arc::clone(&self.0),
            bucket,
            key.to_owned(),
            size,
        )))
    }

    async fn copy(
        &self,
        from: (&str, &str),
        bucket: &str,
        key: &str,
        attributes: Option<Attributes>,
        source_condition: Precondition,
        precondition: Precondition,
    ) -> Result<ObjectInfo, StoreError> {
        let source = self.bucket_for(from.0, from.1)?;
        let target = self.bucket_for(bucket, key)?;
        let (from, key, shared) = (from.1.to_owned(), key.to_owned(), Arc::clone(&self.0));
        blocking(move || {
            shared.volume.check()?;
            let Some((object, path)) = source.open(&*shared.volume.disk, &from)? else {
                return Err(StoreError::NoSuchKey {
                    bucket: source.info.name.to_string(),
                    key: from,
                });
            };
            let old = &object.info;
            source_condition.check(Some(&old.etag))?;
            let mut attributes = attributes.unwrap_or_else(|| old.attributes.clone());
            if attributes.checksums.is_empty() {
                attributes.checksums.clone_from(&old.attributes.checksums);
            }
            let info = ObjectInfo {
                key,
                size: old.size,
                etag: old.etag.clone(),
                modified: shared.clock.now(),
                attributes,
            };
            let tail = record::tail(&info, info.size)?;
            let temp = shared.volume.temp()?;
            temp.append_from(object.file(), &path, info.size)?;
            temp.append(&tail)?;
            let file = temp.sync(&shared.volume, tail.len())?;
            target.commit(&shared.volume, file, &info, &precondition)?;
            Ok(info)
        })
        .await
    }

    async fn delete(
        &self,
        bucket: &str,
        key: &str,
        precondition: Precondition,
    ) -> Result<bool, StoreError> {
        let (bucket, key, shared) = (
            self.bucket_for(bucket, key)?,
            key.to_owned(),
            Arc::clone(&self.0),
        );
        self.0.volume.check()?;
        blocking(move || bucket.delete(&shared.volume, &key, &precondition)).await
    }

    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        after: After<'_>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        Ok(self
            .find_bucket(bucket)?
            .list(prefix, delimiter, after, limit))
    }

    async fn create_upload(
        &self,
        bucket: &str,
        key: &str,
        attributes: Attributes,
    ) -> Result<UploadId, StoreError> {
        self.bucket_for(bucket, key)?;
        let (bucket, key, shared) = (bucket.to_owned(), key.to_owned(), Arc::clone(&self.0));
        blocking(move || {
            shared.volume.check()?;
            shared
                .uploads
                .create(&shared.volume, bucket, key, attributes, shared.clock.now())
        })
        .await
    }

    async fn upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
    ) -> Result<Arc<UploadInfo>, StoreError> {
        self.bucket_for(bucket, key)?;
        Ok(Arc::clone(&self.0.uploads.find(bucket, key, upload)?.info))
    }

    async fn uploads(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<(&str, &UploadId)>,
        limit: usize,
    ) -> Result<Vec<Arc<UploadInfo>>, StoreError> {
        self.find_bucket(bucket)?;
        Ok(self.0.uploads.list(bucket, prefix, after, limit))
    }

    async fn begin_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        number: u16,
        size: Option<u64>,
    ) -> Result<Box<dyn ObjectWriter>, StoreError> {
        self.bucket_for(bucket, key)?;
        if !(1..=MAX_PARTS).contains(&number) {
            return Err(StoreError::InvalidPartNumber { number });
        }
        self.0.volume.check()?;
        let upload = self.0.uploads.find(bucket, key, upload)?;
        Ok(Box::new(PartFile::new(
            Arc::clone(&self.0),
            upload,
            number,
            size,
        )))
    }

    async fn parts(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<Vec<PartInfo>, StoreError> {
        self.bucket_for(bucket, key)?;
        let upload = self.0.uploads.find(bucket, key, upload)?;
        // A completion may hold the parts for as long as it copies.
        blocking(move || upload.parts(after, limit)).await
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        completion: Completion,
    ) -> Result<ObjectInfo, StoreError> {
        let bucket_name = bucket;
        let bucket = self.bucket_for(bucket, key)?;
        self.0.volume.check()?;
        let (upload, shared) = (
            self.0.uploads.find(bucket_name, key, upload)?,
            Arc::clone(&self.0),
        );
        blocking(move || {
            shared.uploads.complete(
                &shared.volume,
                &bucket,
                &upload,
                completion,
                shared.clock.now(),
            )
        })
        .await
    }

    async fn abort_upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
    ) -> Result<(), StoreError> {
        self.bucket_for(bucket, key)?;
        self.0.volume.check()?;
        let (upload, shared) = (
            self.0.uploads.find(bucket, key, upload)?,
            Arc::clone(&self.0),
        );
        blocking(move || shared.uploads.abort(&shared.volume, &upload)).await
    }
}
