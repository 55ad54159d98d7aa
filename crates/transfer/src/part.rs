//! A file while it is not whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use skykey_sigv4::sha256_hex;

use crate::ObjectError;

/// Tries to take the lock of a file that others rename and remove.
const TRIES: u32 = 10;

/// A file beside the right one, under a name of its own: `.skykey-` and 16 digits. It is locked, gets the
/// right name when it is whole, and goes if it does not. A process that is killed leaves it; the next
/// that copies to the same place begins it anew.
#[derive(Debug)]
pub(crate) struct Part {
    unfinished: PathBuf,
    whole: PathBuf,
    file: File,
    named: bool,
}

impl Part {
    /// Begins it. The folder must be there.
    pub(crate) fn begin(whole: &Path) -> Result<Self, ObjectError> {
        let name = whole.file_name().unwrap_or_default();
        let digest = sha256_hex(name.as_encoded_bytes());
        let part = whole.with_file_name(format!(".skykey-{}.part", &digest[..16]));
        let local = |what, error: &io::Error| ObjectError::local(what, whole, error);
        for _ in 0..TRIES {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&part)
                .map_err(|error| local("write", &error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(ObjectError::Busy(whole.to_owned())),
                Err(TryLockError::Error(error)) => return Err(local("lock", &error)),
            }
            // The previous holder of the lock may have given the file its final name.
            if is_at(&file, &part).map_err(|error| local("write", &error))? {
                file.set_len(0).map_err(|error| local("write", &error))?;
                return Ok(Self {
                    unfinished: part,
                    whole: whole.to_owned(),
                    file,
                    named: false,
                });
            }
        }
        Err(ObjectError::Busy(whole.to_owned()))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectError> {
        self.file
            .write_all(bytes)
            .map_err(|error| ObjectError::local("write", &self.whole, &error))
    }

    /// Gives it its right name; unless `replace`, only if nothing is called so.
    pub(crate) fn finish(mut self, replace: bool) -> Result<(), ObjectError> {
        let local = |error: &io::Error| ObjectError::local("write", &self.whole, error);
        if replace {
            fs::rename(&self.unfinished, &self.whole).map_err(|error| local(&error))?;
        } else {
            match renameat_with(
                CWD,
                &self.unfinished,
                CWD,
                &self.whole,
                RenameFlags::NOREPLACE,
            ) {
                Ok(()) => {}
                Err(Errno::EXIST) => return Err(ObjectError::FileExists(self.whole.clone())),
                // Not every file system can.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                    if fs::symlink_metadata(&self.whole).is_ok() {
                        return Err(ObjectError::FileExists(self.whole.clone()));
                    }
                    fs::rename(&self.unfinished, &self.whole).map_err(|error| local(&error))?;
                }
                Err(errno) => return Err(local(&errno.into())),
            }
        }
        self.named = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.named {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Whether the open file is the one that the path names.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((open.dev(), open.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.fits");
        let mut part = Part::begin(&path).unwrap();
        part.write(b"half").unwrap();
        assert!(!path.exists() && names(dir.path()).len() == 1);
        drop(part);
        assert_eq!(names(dir.path()), [""; 0]);
        // What a killed process left is begun anew.
        let mut part = Part::begin(&path).unwrap();
        let left = part.unfinished.clone();
        part.write(b"what was left").unwrap();
        std::mem::forget(part);
        fs::copy(&left, dir.path().join("copy")).unwrap();
        fs::rename(dir.path().join("copy"), &left).unwrap();
        let mut part = Part::begin(&path).unwrap();
        part.write(b"whole").unwrap();
        part.finish(false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(dir.path()), ["a.fits"]);
    }

    #[test]
    fn a_file_that_is_there_is_replaced_on_demand_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "mine").unwrap();
        let error = Part::begin(&path).unwrap().finish(false).unwrap_err();
        assert_eq!(error, ObjectError::FileExists(path.clone()));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        Part::begin(&path).unwrap().finish(true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn two_do_not_write_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let part = Part::begin(&path).unwrap();
        assert_eq!(
            Part::begin(&path).unwrap_err(),
            ObjectError::Busy(path.clone())
        );
        drop(part);
        assert!(Part::begin(&path).is_ok());
    }
}
