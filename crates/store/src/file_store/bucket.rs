//! One bucket: its files and the index of them.

use std::array;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use skykey_types::Timestamp;

use super::index::{Index, Version};
use super::record::{self, ReadError};
use super::volume::{Synced, Volume};
use crate::disk::Disk;
use crate::{After, BucketInfo, Object, ObjectInfo, Page, Precondition, StoreError};

pub(super) struct Bucket {
    pub(super) info: BucketInfo,
    objects: PathBuf,
    index: RwLock<Index>,
    /// One for each of the 256 directories, held from the precondition to the index.
    commits: [Mutex<()>; 256],
}

/// The disk, or another change of the object, must be waited for, or something is wrong:
/// [`Bucket::open`] says what.
pub(super) struct WouldWait;

/// The content of `bucket.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct BucketFile {
    pub(super) created: Timestamp,
}

impl Bucket {
    pub(super) const FILE: &str = "bucket.json";
    pub(super) const OBJECTS: &str = "objects";

    /// A bucket that is on the disk.
    pub(super) fn new(buckets_dir: &Path, info: BucketInfo, index: Index) -> Self {
        Self {
            objects: buckets_dir.join(info.name.as_str()).join(Self::OBJECTS),
            info,
            index: RwLock::new(index),
            commits: array::from_fn(|_| Mutex::new(())),
        }
    }

    /// Makes a new bucket on the disk: built aside, then renamed into place.
    pub(super) fn create(
        volume: &Volume,
        buckets_dir: &Path,
        info: BucketInfo,
    ) -> Result<Self, StoreError> {
        let building = volume.temp_path();
        if let Err(error) = Self::build(volume, &building, &info) {
            volume.discard_dir(&building);
            return Err(error);
        }
        volume.publish_dir(&building, &buckets_dir.join(info.name.as_str()))?;
        Ok(Self::new(buckets_dir, info, Index::default()))
    }

    fn build(volume: &Volume, building: &Path, info: &BucketInfo) -> Result<(), StoreError> {
        let objects = building.join(Self::OBJECTS);
        for first in 0..=255_u8 {
            let dir = objects.join(hex::encode([first]));
            let made = volume.disk.create_dir_all(&dir);
            made.map_err(StoreError::io("create", &dir))?;
        }
        volume.sync_dir(&objects)?;
        let content = serde_json::to_vec(&BucketFile {
            created: info.created,
        })
        .expect("a timestamp is JSON");
        let file = volume.temp_at(building.join(Self::FILE))?;
        file.append(&content)?;
        file.sync(volume, 0)?.keep();
        volume.sync_dir(building)
    }

    /// Opens the newest version of an object if that needs no waiting for the disk.
    pub(super) fn open_cached(
        &self,
        disk: &dyn Disk,
        key: &str,
    ) -> Result<Option<Object>, WouldWait> {
        let Some(version) = self.version(key) else {
            return Ok(None);
        };
        let path = KeyHash::of(key).path(&self.objects, version.generation);
        let file = disk.open_cached(&path).map_err(|_| WouldWait)?;
        let mut tail = vec![0; version.tail_bytes as usize];
        match file.read_cached_at(&mut tail, version.size) {
            Ok(length) if length == tail.len() => {}
            _ => return Err(WouldWait),
        }
        let info = record::parse_tail(&tail, version.size).map_err(|_| WouldWait)?;
        Ok(Some(Object::new(info, file, 0)))
    }

    /// Opens the newest version of an object, and says where its file is.
    pub(super) fn open(
        &self,
        disk: &dyn Disk,
        key: &str,
    ) -> Result<Option<(Object, PathBuf)>, StoreError> {
        let name = KeyHash::of(key);
        let open = || {
            let Some(version) = self.version(key) else {
                return Ok(None);
            };
            let path = name.path(&self.objects, version.generation);
            match disk.open(&path) {
                Ok(file) => Ok(Some((version, path, file))),
                Err(error) => Err((path, error)),
            }
        };
        let opened = match open() {
            // Replaced or deleted since the look into the index: wait until that is done.
            Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {
                let _turn = self.lock(&name);
                open()
            }
            opened => opened,
        };
        let opened = opened.map_err(|(path, error)| StoreError::io("open", &path)(error))?;
        let Some((version, path, file)) = opened else {
            return Ok(None);
        };
        match record::read_tail(&*file, version.size, version.tail_bytes) {
            Ok(info) => Ok(Some((Object::new(info, file, 0), path))),
            Err(ReadError::Io(error)) => Err(StoreError::io("read", &path)(error)),
            Err(ReadError::Damaged(why)) => Err(StoreError::Damaged { path, why }),
        }
    }

    /// Makes a finished file the newest version of the object.
    pub(super) fn commit(
        &self,
        volume: &Volume,
        file: Synced,
        info: &ObjectInfo,
        precondition: &Precondition,
    ) -> Result<(), StoreError> {
        let name = KeyHash::of(&info.key);
        let _turn = self.lock(&name);
        volume.check()?;
        let old = self.version(&info.key);
        check(precondition, old)?;
        let generation = volume.next_generation();
        let version = Version::of(info, generation, file.tail_bytes())
            .expect("an object's ETag is made by this crate");
        file.publish(volume, &name.path(&self.objects, generation))?;
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(&info.key, version);
        if let Some(old) = old {
            // If this does not last, the generation tells which one counts; but a file that stays
            // would come back when the newer one is deleted.
            let path = name.path(&self.objects, old.generation);
            if let Err(error) = volume.disk.remove_file(&path) {
                volume.poison(StoreError::io("remove the older", &path)(error));
            }
        }
        Ok(())
    }

    pub(super) fn delete(
        &self,
        volume: &Volume,
        key: &str,
        precondition: &Precondition,
    ) -> Result<bool, StoreError> {
        let name = KeyHash::of(key);
        let _turn = self.lock(&name);
        volume.check()?;
        let version = self.version(key);
        check(precondition, version)?;
        let Some(version) = version else {
            return Ok(false);
        };
        let path = name.path(&self.objects, version.generation);
        volume
            .disk
            .remove_file(&path)
            .map_err(StoreError::io("remove", &path))?;
        let durable = volume.sync_dir(path.parent().unwrap_or(&self.objects));
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        durable.map(|()| true)
    }

    pub(super) fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        after: After<'_>,
        limit: usize,
    ) -> Page {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.list(prefix, delimiter, after, limit)
    }

    fn version(&self, key: &str) -> Option<Version> {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
    }

    /// Keeps other changes of the key's directory out.
    fn lock(&self, name: &KeyHash) -> MutexGuard<'_, ()> {
        self.commits[name.directory()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(precondition: &Precondition, version: Option<Version>) -> Result<(), StoreError> {
    if *precondition == Precondition::None {
        return Ok(());
    }
    let etag = version.map(|version| version.etag.to_string());
    precondition.check(etag.as_deref())
}

/// What a key is called on the disk, where `..`, `a` beside `a/b`, and long names must not matter.
pub(super) struct KeyHash([u8; 32]);

impl KeyHash {
    pub(super) fn of(key: &str) -> Self {
        Self(
            digest(&SHA256, key.as_bytes())
                .as_ref()
                .try_into()
                .expect("SHA-256 has 32 bytes"),
        )
    }

    /// Takes a file's name apart: the hash in hexadecimal, and the generation.
    pub(super) fn parse(file_name: &str) -> Option<(Self, u64)> {
        let (hash, generation) = file_name.split_once('-')?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(hash, &mut bytes).ok()?;
        Some((Self(bytes), u64::from_str_radix(generation, 16).ok()?))
    }

    pub(super) fn is_of(&self, key: &str) -> bool {
        Self::of(key).0 == self.0
    }

    pub(super) fn directory(&self) -> usize {
        usize::from(self.0[0])
    }

    pub(super) fn path(&self, objects: &Path, generation: u64) -> PathBuf {
        objects
            .join(hex::encode([self.0[0]]))
            .join(format!("{}-{generation:016x}", hex::encode(self.0)))
    }
}
