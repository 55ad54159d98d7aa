//! One bucket: its files and the index of them.

use std::array;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skykey_types::Timestamp;

use super::disk::{Disk, Synced};
use crate::{After, Body, BucketInfo, ObjectInfo, Opened, Precondition, StoreError};

/// A body up to this size is read when it is opened, which saves a second turn of a thread.
const READ_AT_ONCE_BYTES: u64 = 128 * 1024;

pub(super) struct Bucket {
    pub(super) info: BucketInfo,
    objects: PathBuf,
    /// By the key's bytes, which sort as S3 lists.
    index: RwLock<BTreeMap<Box<[u8]>, Entry>>,
    /// One for each of the 256 directories, held from the precondition to the index.
    commits: [Mutex<()>; 256],
}

/// One object in the index.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) info: Arc<ObjectInfo>,
    pub(super) generation: u64,
}

/// The content of `bucket.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct BucketFile {
    pub(super) created: Timestamp,
}

impl Bucket {
    pub(super) const FILE: &str = "bucket.json";
    pub(super) const OBJECTS: &str = "objects";

    /// A bucket that is on the disk.
    pub(super) fn new(
        buckets_dir: &Path,
        info: BucketInfo,
        entries: BTreeMap<Box<[u8]>, Entry>,
    ) -> Self {
        Self {
            objects: buckets_dir.join(info.name.as_str()).join(Self::OBJECTS),
            info,
            index: RwLock::new(entries),
            commits: array::from_fn(|_| Mutex::new(())),
        }
    }

    /// Makes a new bucket on the disk: built aside, then renamed into place.
    pub(super) fn create(
        disk: &Disk,
        buckets_dir: &Path,
        info: BucketInfo,
    ) -> Result<Self, StoreError> {
        let building = disk.temp_path();
        let objects = building.join(Self::OBJECTS);
        fs::create_dir_all(&objects).map_err(StoreError::io("create", &objects))?;
        for first in 0..=255_u8 {
            let dir = objects.join(hex::encode([first]));
            fs::create_dir(&dir).map_err(StoreError::io("create", &dir))?;
        }
        disk.sync_path(&objects)?;
        let file = building.join(Self::FILE);
        let content = serde_json::to_vec(&BucketFile {
            created: info.created,
        })
        .expect("a timestamp is JSON");
        fs::write(&file, content).map_err(StoreError::io("write", &file))?;
        disk.sync_path(&file)?;
        disk.sync_path(&building)?;
        let place = buckets_dir.join(info.name.as_str());
        fs::rename(&building, &place).map_err(StoreError::io("create", &place))?;
        disk.sync_path(buckets_dir)?;
        Ok(Self::new(buckets_dir, info, BTreeMap::new()))
    }

    pub(super) fn info(&self, key: &str) -> Option<Arc<ObjectInfo>> {
        self.entry(key).map(|entry| entry.info)
    }

    pub(super) fn open(&self, key: &str) -> Result<Option<Opened>, StoreError> {
        let Some((info, path, file)) = self.open_file(key)? else {
            return Ok(None);
        };
        let body = if info.size <= READ_AT_ONCE_BYTES {
            let mut bytes = Vec::with_capacity(usize::try_from(info.size).unwrap_or(0));
            (&file)
                .take(info.size)
                .read_to_end(&mut bytes)
                .map_err(StoreError::io("read", &path))?;
            if bytes.len() as u64 != info.size {
                return Err(StoreError::io("read", &path)(
                    io::ErrorKind::UnexpectedEof.into(),
                ));
            }
            Body::Memory(Bytes::from(bytes))
        } else {
            Body::File {
                file: Arc::new(file),
                offset: 0,
            }
        };
        Ok(Some(Opened::new(info, body)))
    }

    /// The file of the object, with what is known of that very file.
    pub(super) fn open_file(
        &self,
        key: &str,
    ) -> Result<Option<(Arc<ObjectInfo>, PathBuf, File)>, StoreError> {
        let name = KeyHash::of(key);
        let open = || {
            let Some(entry) = self.entry(key) else {
                return Ok(None);
            };
            let path = name.path(&self.objects, entry.generation);
            File::open(&path)
                .map(|file| Some((entry.info, path.clone(), file)))
                .map_err(|error| (path, error))
        };
        let opened = match open() {
            // Replaced or deleted since the look into the index: wait until that is done.
            Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {
                let _turn = self.commits[name.directory()]
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                open()
            }
            opened => opened,
        };
        opened.map_err(|(path, error)| StoreError::io("open", &path)(error))
    }

    /// Gives a finished file its place as the newest version of the object.
    pub(super) fn commit(
        &self,
        disk: &Disk,
        file: Synced,
        info: ObjectInfo,
        precondition: &Precondition,
    ) -> Result<Arc<ObjectInfo>, StoreError> {
        let name = KeyHash::of(&info.key);
        let _turn = self.commits[name.directory()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        disk.check()?;
        let old = self.entry(&info.key);
        precondition.check(old.as_ref().map(|entry| &*entry.info))?;
        let generation = disk.next_generation();
        file.publish(disk, &name.path(&self.objects, generation))?;
        let info = Arc::new(info);
        let entry = Entry {
            info: Arc::clone(&info),
            generation,
        };
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(info.key.as_bytes().into(), entry);
        if let Some(old) = old {
            // If this does not last, the generation tells which one counts; but a file that stays
            // would come back when the newer one is deleted.
            let path = name.path(&self.objects, old.generation);
            if let Err(error) = fs::remove_file(&path) {
                disk.poison(StoreError::io("remove the older", &path)(error));
            }
        }
        Ok(info)
    }

    pub(super) fn delete(&self, disk: &Disk, key: &str) -> Result<bool, StoreError> {
        let name = KeyHash::of(key);
        let _turn = self.commits[name.directory()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        disk.check()?;
        let Some(entry) = self.entry(key) else {
            return Ok(false);
        };
        let path = name.path(&self.objects, entry.generation);
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        let durable = disk.sync_path(path.parent().unwrap_or(&self.objects));
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key.as_bytes());
        durable.map(|()| true)
    }

    pub(super) fn list(
        &self,
        prefix: &str,
        after: After<'_>,
        limit: usize,
    ) -> Vec<Arc<ObjectInfo>> {
        let begin = prefix.as_bytes();
        let skip = match after {
            After::Nothing => None,
            After::Key(key) => Some(Bound::Excluded(key.as_bytes().to_vec())),
            After::Prefix(skipped) => match first_after_prefix(skipped) {
                Some(next) => Some(Bound::Included(next)),
                None => return Vec::new(),
            },
        };
        let from = match &skip {
            Some(Bound::Excluded(key)) if key.as_slice() >= begin => {
                Bound::Excluded(key.as_slice())
            }
            Some(Bound::Included(next)) if next.as_slice() >= begin => {
                Bound::Included(next.as_slice())
            }
            _ => Bound::Included(begin),
        };
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index
            .range::<[u8], _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(begin))
            .take(limit)
            .map(|(_, entry)| Arc::clone(&entry.info))
            .collect()
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key.as_bytes())
            .cloned()
    }
}

/// The smallest byte string that comes after every string with the prefix; none if every string
/// has it. No byte of UTF-8 is 255, so the last one can be raised.
fn first_after_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut next = prefix.as_bytes().to_vec();
    *next.last_mut()? += 1;
    Some(next)
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
