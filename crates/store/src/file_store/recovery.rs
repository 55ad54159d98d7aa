//! Opening a store: what is on the disk becomes the index again.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use serde::de::DeserializeOwned;
use skykey_types::{BucketName, Clock};

use super::Shared;
use super::bucket::{Bucket, BucketFile, KeyHash};
use super::disk::Disk;
use super::index::{Index, Version};
use super::record::{self, ReadError};
use super::uploads::{Part, Parts, Upload, Uploads, parse_part_name};
use crate::{BucketInfo, ObjectInfo, PartInfo, StoreError, UploadInfo};

const FORMAT: &str = "skykey store 1\n";

pub(super) fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Shared, StoreError> {
    let [buckets_dir, uploads_dir, tmp, damaged] =
        ["buckets", "uploads", "tmp", "damaged"].map(|name| dir.join(name));
    fs::create_dir_all(dir).map_err(StoreError::io("create", dir))?;
    let lock = lock(&dir.join("LOCK"))?;
    let disk = Disk::new(tmp.clone());
    check_format(dir, &buckets_dir)?;
    for place in [&buckets_dir, &uploads_dir, &tmp, &damaged] {
        fs::create_dir_all(place).map_err(StoreError::io("create", place))?;
    }
    sweep(&tmp)?;
    write_format(&disk, dir)?;

    let recovery = Recovery {
        disk: &disk,
        damaged,
    };
    let mut buckets = BTreeMap::new();
    for entry in entries(&buckets_dir)? {
        let bucket = recovery.bucket(&buckets_dir, &entry)?;
        buckets.insert(bucket.info.name.as_str().to_owned(), Arc::new(bucket));
    }
    let mut uploads = Vec::new();
    for entry in entries(&uploads_dir)? {
        uploads.extend(recovery.upload(&entry.path())?);
    }
    Ok(Shared {
        buckets_dir,
        buckets: RwLock::new(buckets),
        uploads: Uploads::new(uploads_dir, uploads),
        disk,
        clock,
        _lock: lock,
    })
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(StoreError::io("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: path.parent().unwrap_or(path).to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", path)(error)),
    }
}

/// Refuses a directory of another format, before anything in it is touched.
fn check_format(dir: &Path, buckets_dir: &Path) -> Result<(), StoreError> {
    let path = dir.join("FORMAT");
    match fs::read_to_string(&path) {
        Ok(found) if found == FORMAT => Ok(()),
        Ok(found) => Err(StoreError::UnknownFormat {
            path,
            found: found.chars().take(80).collect(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !buckets_dir.exists() => Ok(()),
        // Created, but not to the end: then there is no bucket yet.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && entries(buckets_dir)?.is_empty() =>
        {
            Ok(())
        }
        Err(error) => Err(StoreError::io("read", &path)(error)),
    }
}

fn write_format(disk: &Disk, dir: &Path) -> Result<(), StoreError> {
    let path = dir.join("FORMAT");
    if path.exists() {
        return Ok(());
    }
    let temp = disk.temp()?;
    fs::write(temp.path(), FORMAT).map_err(StoreError::io("write", temp.path()))?;
    temp.sync(disk, 0)?.publish(disk, &path)?;
    disk.sync_path(
        dir.parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new(".")),
    )
}

/// Removes what was being written when the program ended.
fn sweep(tmp: &Path) -> Result<(), StoreError> {
    let leftovers = entries(tmp)?;
    for entry in &leftovers {
        let path = entry.path();
        let is_dir = entry
            .file_type()
            .map_err(StoreError::io("read", &path))?
            .is_dir();
        let removed = if is_dir {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(StoreError::io("remove", &path))?;
    }
    if !leftovers.is_empty() {
        tracing::info!(
            count = leftovers.len(),
            "removed what was never finished before the last stop"
        );
    }
    Ok(())
}

struct Recovery<'a> {
    disk: &'a Disk,
    damaged: PathBuf,
}

impl Recovery<'_> {
    fn bucket(&self, buckets_dir: &Path, entry: &DirEntry) -> Result<Bucket, StoreError> {
        let dir = entry.path();
        let unknown = |found: String| StoreError::UnknownFormat {
            path: dir.clone(),
            found,
        };
        let name: BucketName = entry
            .file_name()
            .to_string_lossy()
            .parse()
            .map_err(|error: skykey_types::NameError| unknown(error.to_string()))?;
        let file = dir.join(Bucket::FILE);
        let content = fs::read(&file).map_err(StoreError::io("read", &file))?;
        let BucketFile { created } = serde_json::from_slice(&content)
            .map_err(|error| unknown(format!("{}: {error}", Bucket::FILE)))?;

        let mut index = Index::default();
        for fan in entries(&dir.join(Bucket::OBJECTS))? {
            for file in entries(&fan.path())? {
                self.object(&name, &file.path(), &mut index)?;
            }
        }
        Ok(Bucket::new(
            buckets_dir,
            BucketInfo { name, created },
            index,
        ))
    }

    fn object(
        &self,
        bucket: &BucketName,
        path: &Path,
        index: &mut Index,
    ) -> Result<(), StoreError> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(KeyHash::parse);
        let (info, size, tail_bytes) = match read_record::<ObjectInfo>(path)? {
            Ok(read) => read,
            Err(why) => return self.put_aside(bucket.as_str(), path, &why),
        };
        let Some((hash, generation)) =
            name.filter(|(hash, _)| hash.is_of(&info.key) && info.size == size)
        else {
            return self.put_aside(bucket.as_str(), path, "its name is not that of its key");
        };
        let Some(version) = Version::of(&info, generation, tail_bytes) else {
            return self.put_aside(bucket.as_str(), path, "its ETag cannot be read");
        };
        self.disk.saw_generation(generation);
        let other = index.get(&info.key).map(|other| other.generation);
        if other.is_none_or(|other| other < generation) {
            index.insert(&info.key, version);
        }
        let older = other.map(|other| other.min(generation));
        if let Some(older) = older {
            // The program ended between a commit and the removal of what it replaced.
            let objects = path.parent().and_then(Path::parent).unwrap_or(path);
            let path = hash.path(objects, older);
            fs::remove_file(&path).map_err(StoreError::io("remove the older", &path))?;
            self.disk.sync_path(path.parent().unwrap_or(objects))?;
        }
        Ok(())
    }

    /// An upload, unless it is damaged.
    fn upload(&self, dir: &Path) -> Result<Option<Upload>, StoreError> {
        let file = dir.join(Uploads::FILE);
        let content = match fs::read(&file) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(StoreError::io("read", &file)(error)),
        };
        let info: UploadInfo = match serde_json::from_slice(&content) {
            Ok(info) => info,
            Err(error) => {
                self.put_aside("upload", dir, &format!("{}: {error}", Uploads::FILE))?;
                return Ok(None);
            }
        };
        let mut parts = Parts::new();
        for entry in entries(dir)? {
            let path = entry.path();
            if path == file {
                continue;
            }
            match (parse_part_name(&path), read_record::<PartInfo>(&path)?) {
                (Some((number, generation)), Ok((part, size, _)))
                    if part.number == number && part.size == size =>
                {
                    self.disk.saw_generation(generation);
                    if parts
                        .get(&number)
                        .is_none_or(|other| other.generation < generation)
                    {
                        parts.insert(
                            number,
                            Part {
                                info: part,
                                generation,
                            },
                        );
                    }
                }
                (_, Err(why)) => self.put_aside(info.id.as_str(), &path, &why)?,
                _ => self.put_aside(info.id.as_str(), &path, "its name is not that of its part")?,
            }
        }
        Ok(Some(Upload::new(dir.to_owned(), info, parts)))
    }

    /// Moves what is damaged to where somebody can look at it.
    fn put_aside(&self, owner: &str, path: &Path, why: &str) -> Result<(), StoreError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut place = self.damaged.join(format!("{owner}-{name}"));
        for again in 2.. {
            if !place.exists() {
                break;
            }
            place = self.damaged.join(format!("{owner}-{name}-{again}"));
        }
        tracing::error!(from = %path.display(), to = %place.display(), why, "a damaged file was put aside");
        fs::rename(path, &place).map_err(StoreError::io("move a damaged file to", &place))?;
        self.disk.sync_path(&self.damaged)?;
        self.disk.sync_path(path.parent().unwrap_or(path))
    }
}

/// What [`record::read`] says of a file, or what is wrong with the file.
fn read_record<T: DeserializeOwned>(
    path: &Path,
) -> Result<Result<(T, u64, u32), String>, StoreError> {
    let read = File::open(path)
        .map_err(ReadError::Io)
        .and_then(|file| record::read(&file));
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(ReadError::Damaged(why)) => Ok(Err(why)),
        Err(ReadError::Io(error)) => Err(StoreError::io("read", path)(error)),
    }
}

fn entries(dir: &Path) -> Result<Vec<DirEntry>, StoreError> {
    fs::read_dir(dir)
        .and_then(Iterator::collect)
        .map_err(StoreError::io("read", dir))
}
