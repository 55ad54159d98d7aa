//! One object to one file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use skykey_s3_client::operations::list_objects_v2::Entry;
use skykey_s3_client::{ETag, ObjectAddress};

use crate::writer::Writer;
use crate::{ObjectError, Objects, Progress, Reading};

/// What became of a copy of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downloaded {
    /// So many bytes were copied.
    Copied(u64),
    /// The same bytes were there already: size and MD5 say so.
    WasThere,
}

impl Objects {
    /// Copies an object to a file, whose folder is there. Unless `replace`, a file that is there stays; it is
    /// no error if it is the same.
    pub async fn download(
        &self,
        at: &ObjectAddress,
        to: &Path,
        replace: bool,
        progress: &dyn Progress,
    ) -> Result<Downloaded, ObjectError> {
        let to = to.to_owned();
        let target = move || {
            let to = followed(&to)?;
            let there = is_there(&to);
            Ok::<_, ObjectError>((to, there))
        };
        let (to, there) = self.disk.run(target).await?;
        if there && !replace {
            let Some((size, etag)) = self.head(at).await? else {
                return Err(ObjectError::NoSuchObject(at.clone()));
            };
            return self.disk.run(move || was_there(&to, size, etag)).await;
        }
        let reading = self.read(at).await?;
        progress.found(reading.size());
        self.write(reading, to, replace, progress).await
    }

    /// The same for an object that was listed, whose size was told already; the folder is made.
    pub(crate) async fn download_listed(
        &self,
        at: &ObjectAddress,
        listed: Entry,
        to: PathBuf,
        replace: bool,
        progress: &dyn Progress,
    ) -> Result<Downloaded, ObjectError> {
        let Entry { size, etag, .. } = listed;
        let target = to.clone();
        let found = move || {
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)
                    .map_err(|error| ObjectError::local("make the folder", parent, &error))?;
            }
            replaceable(&target)?;
            if is_there(&target) && !replace {
                was_there(&target, size, etag).map(Some)
            } else {
                Ok(None)
            }
        };
        if let Some(done) = self.disk.run(found).await? {
            return Ok(done);
        }
        let reading = self.read(at).await?;
        self.write(reading, to, replace, progress).await
    }

    async fn write(
        &self,
        mut reading: Reading<'_>,
        to: PathBuf,
        replace: bool,
        progress: &dyn Progress,
    ) -> Result<Downloaded, ObjectError> {
        let mut writer = Writer::begin(&self.disk, to);
        loop {
            match reading.chunk().await {
                Ok(Some(bytes)) => {
                    let length = bytes.len();
                    writer.write(bytes).await?;
                    progress.bytes(length);
                }
                Ok(None) => break,
                Err(error) => {
                    writer.discard().await;
                    return Err(error);
                }
            }
        }
        writer.finish(replace).await?;
        Ok(Downloaded::Copied(reading.size()))
    }
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The file that a link leads to, which stays a link; all else as it is.
fn followed(to: &Path) -> Result<PathBuf, ObjectError> {
    replaceable(to)?;
    if !to.is_symlink() || !to.exists() {
        return Ok(to.to_owned());
    }
    // In a folder that all may write, such as /tmp, another user's link could lead to a file of
    // this user.
    let owner = fs::symlink_metadata(to).map(|known| known.uid());
    let owner = owner.map_err(|error| ObjectError::local("find", to, &error))?;
    if owner != rustix::process::geteuid().as_raw() && owner != 0 {
        return Err(ObjectError::NotAFile {
            path: to.to_owned(),
            what: "a link of somebody else's",
        });
    }
    fs::canonicalize(to).map_err(|error| ObjectError::local("find", to, &error))
}

/// An error if something is there that is no file: `/dev/stdout` is not replaced by one.
fn replaceable(to: &Path) -> Result<(), ObjectError> {
    match fs::metadata(to) {
        Ok(known) if !known.is_file() => Err(ObjectError::NotAFile {
            path: to.to_owned(),
            what: if known.is_dir() {
                "a folder"
            } else {
                "no file but a device or a pipe"
            },
        }),
        _ => Ok(()),
    }
}

/// An error, unless the file is the object.
fn was_there(to: &Path, size: u64, etag: Option<ETag>) -> Result<Downloaded, ObjectError> {
    let exists = || ObjectError::FileExists(to.to_owned());
    let known = fs::metadata(to).map_err(|_| exists())?;
    let (Some(expected), true) = (
        etag.and_then(|etag| etag.md5()),
        known.is_file() && known.len() == size,
    ) else {
        return Err(exists());
    };
    let found = md5_of(to).map_err(|error| ObjectError::local("read", to, &error))?;
    if found == expected {
        Ok(Downloaded::WasThere)
    } else {
        Err(exists())
    }
}

fn md5_of(path: &Path) -> io::Result<[u8; 16]> {
    let mut file = File::open(path)?;
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(md5.finalize().into()),
            read => md5.update(&buffer[..read]),
        }
    }
}
