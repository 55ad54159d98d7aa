//! Opening a store: what is on the disk becomes the index again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use serde::de::DeserializeOwned;
use skykey_types::{BucketName, Clock};

use super::Shared;
use super::bucket::{Bucket, BucketFile, KeyHash};
use super::index::{Index, Version};
use super::record::{self, ReadError};
use super::uploads::{Part, Parts, Upload, Uploads, parse_part_name};
use super::volume::Volume;
use crate::disk::{DirEntry, Disk, Lock};
use crate::{BucketInfo, ObjectInfo, PartInfo, StoreError, UploadInfo};

const FORMAT: &str = "skykey store 1\n";

pub(super) fn open(
    disk: Arc<dyn Disk>,
    dir: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Shared, StoreError> {
    let [buckets_dir, uploads_dir, tmp, damaged] =
        ["buckets", "uploads", "tmp", "damaged"].map(|name| dir.join(name));
    create_dir(&*disk, dir)?;
    let lock = lock(&*disk, &dir.join("LOCK"))?;
    check_format(&*disk, dir, &buckets_dir)?;
    for dir in [&buckets_dir, &uploads_dir, &tmp, &damaged] {
        create_dir(&*disk, dir)?;
    }
    sweep(&*disk, &tmp)?;
    let volume = Volume::new(disk, tmp);
    write_format(&volume, dir)?;

    let recovery = Recovery {
        volume: &volume,
        disk: &*volume.disk,
        damaged,
    };
    let mut buckets = BTreeMap::new();
    for entry in entries(&*volume.disk, &buckets_dir)? {
        let bucket = recovery.bucket(&buckets_dir, &entry)?;
        buckets.insert(bucket.info.name.as_str().to_owned(), Arc::new(bucket));
    }
    let mut uploads = Vec::new();
    for entry in entries(&*volume.disk, &uploads_dir)? {
        uploads.extend(recovery.upload(&uploads_dir.join(entry.name))?);
    }
    Ok(Shared {
        buckets_dir,
        buckets: RwLock::new(buckets),
        uploads: Uploads::new(uploads_dir, uploads),
        volume,
        clock,
        _lock: lock,
    })
}

fn create_dir(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    disk.create_dir_all(path)
        .map_err(StoreError::io("create", path))
}

fn lock(disk: &dyn Disk, path: &Path) -> Result<Lock, StoreError> {
    let lock = disk.lock(path).map_err(StoreError::io("lock", path))?;
    lock.ok_or_else(|| StoreError::InUse {
        path: path.parent().unwrap_or(path).to_owned(),
    })
}

/// Refuses a directory of another format, before anything in it is touched.
fn check_format(disk: &dyn Disk, dir: &Path, buckets_dir: &Path) -> Result<(), StoreError> {
    let path = dir.join("FORMAT");
    match read_file(disk, &path) {
        Ok(found) if found == FORMAT.as_bytes() => Ok(()),
        Ok(found) => Err(StoreError::UnknownFormat {
            path,
            found: String::from_utf8_lossy(&found).chars().take(80).collect(),
        }),
        // New, or created but not to the end: then there is no bucket yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let exists = disk.exists(buckets_dir);
            let exists = exists.map_err(StoreError::io("read", buckets_dir))?;
            if !exists || entries(disk, buckets_dir)?.is_empty() {
                Ok(())
            } else {
                Err(StoreError::io("read", &path)(error))
            }
        }
        Err(error) => Err(StoreError::io("read", &path)(error)),
    }
}

fn write_format(volume: &Volume, dir: &Path) -> Result<(), StoreError> {
    let path = dir.join("FORMAT");
    let exists = volume.disk.exists(&path);
    if exists.map_err(StoreError::io("read", &path))? {
        return Ok(());
    }
    let temp = volume.temp()?;
    temp.append(FORMAT.as_bytes())?;
    temp.sync(volume, 0)?.publish(volume, &path)?;
    volume.sync_dir(
        dir.parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new(".")),
    )
}

/// Removes what was being written when the program ended.
fn sweep(disk: &dyn Disk, tmp: &Path) -> Result<(), StoreError> {
    let leftovers = entries(disk, tmp)?;
    for entry in &leftovers {
        let path = tmp.join(&entry.name);
        let removed = if entry.is_dir {
            disk.remove_dir_all(&path)
        } else {
            disk.remove_file(&path)
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
    volume: &'a Volume,
    disk: &'a dyn Disk,
    damaged: PathBuf,
}

impl Recovery<'_> {
    fn bucket(&self, buckets_dir: &Path, entry: &DirEntry) -> Result<Bucket, StoreError> {
        let dir = buckets_dir.join(&entry.name);
        let unknown = |found: String| StoreError::UnknownFormat {
            path: dir.clone(),
            found,
        };
        let name: BucketName = entry
            .name
            .to_string_lossy()
            .parse()
            .map_err(|error: skykey_types::NameError| unknown(error.to_string()))?;
        let file = dir.join(Bucket::FILE);
        let content = read_file(self.disk, &file).map_err(StoreError::io("read", &file))?;
        let BucketFile { created } = serde_json::from_slice(&content)
            .map_err(|error| unknown(format!("{}: {error}", Bucket::FILE)))?;

        let mut index = Index::default();
        let objects = dir.join(Bucket::OBJECTS);
        for fan in entries(self.disk, &objects)? {
            let fan = objects.join(fan.name);
            for file in entries(self.disk, &fan)? {
                self.object(&name, &fan.join(file.name), &mut index)?;
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
        let (info, size, tail_bytes) = match read_record::<ObjectInfo>(self.disk, path)? {
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
        self.volume.saw_generation(generation);
        let other = index.get(&info.key).map(|other| other.generation);
        if other.is_none_or(|other| other < generation) {
            index.insert(&info.key, version);
        }
        let older = other.map(|other| other.min(generation));
        if let Some(older) = older {
            // The program ended between a commit and the removal of what it replaced.
            let objects = path.parent().and_then(Path::parent).unwrap_or(path);
            let path = hash.path(objects, older);
            self.disk
                .remove_file(&path)
                .map_err(StoreError::io("remove the older", &path))?;
            self.volume.sync_dir(path.parent().unwrap_or(objects))?;
        }
        Ok(())
    }

    /// An upload, unless it is damaged.
    fn upload(&self, dir: &Path) -> Result<Option<Upload>, StoreError> {
        let file = dir.join(Uploads::FILE);
        let content = match read_file(self.disk, &file) {
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
        for entry in entries(self.disk, dir)? {
            let path = dir.join(entry.name);
            if path == file {
                continue;
            }
            match (
                parse_part_name(&path),
                read_record::<PartInfo>(self.disk, &path)?,
            ) {
                (Some((number, generation)), Ok((part, size, _)))
                    if part.number == number && part.size == size =>
                {
                    self.volume.saw_generation(generation);
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
            let exists = self.disk.exists(&place);
            if !exists.map_err(StoreError::io("read", &place))? {
                break;
            }
            place = self.damaged.join(format!("{owner}-{name}-{again}"));
        }
        tracing::error!(from = %path.display(), to = %place.display(), why, "a damaged file was put aside");
        self.volume.rename(path, &place, "move a damaged file to")?;
        self.volume.sync_dir(&self.damaged)?;
        self.volume.sync_dir(path.parent().unwrap_or(path))
    }
}

/// What [`record::read`] says of a file, or what is wrong with the file.
fn read_record<T: DeserializeOwned>(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Result<(T, u64, u32), String>, StoreError> {
    let read = disk
        .open(path)
        .map_err(ReadError::Io)
        .and_then(|file| record::read(&*file));
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(ReadError::Damaged(why)) => Ok(Err(why)),
        Err(ReadError::Io(error)) => Err(StoreError::io("read", path)(error)),
    }
}

/// Reads a small file, all of it.
fn read_file(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let size = usize::try_from(file.size()?).map_err(io::Error::other)?;
    let mut content = vec![0; size];
    file.read_exact_at(&mut content, 0)?;
    Ok(content)
}

fn entries(disk: &dyn Disk, dir: &Path) -> Result<Vec<DirEntry>, StoreError> {
    disk.entries(dir).map_err(StoreError::io("read", dir))
}
