//! The disk of this machine.

use std::fs::{self, File, TryLockError};
use std::io::{self, IoSliceMut, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FallocateFlags, Mode, OFlags, ResolveFlags, fallocate, openat2};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::{DirEntry, Disk, DiskFile, Lock};

/// The disk of this machine. Files are opened and read without waiting where the kernel can say
/// whether it would have to (`openat2` with `RESOLVE_CACHED`, Linux 5.12; `preadv2` with
/// `RWF_NOWAIT`); that it cannot is remembered.
#[derive(Debug, Default)]
pub struct LocalDisk {
    cannot_open_cached: AtomicBool,
    cannot_read_cached: Arc<AtomicBool>,
}

impl LocalDisk {
    fn file(&self, file: File) -> Arc<dyn DiskFile> {
        Arc::new(LocalFile {
            file,
            cannot_read_cached: Arc::clone(&self.cannot_read_cached),
        })
    }
}

impl Disk for LocalDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        File::open(path).map(|file| self.file(file))
    }

    fn open_cached(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if self.cannot_open_cached.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED) {
            Ok(file) => Ok(self.file(file.into())),
            // An old kernel, one before RESOLVE_CACHED, or a sandbox that knows no openat2.
            Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                self.cannot_open_cached.store(true, Ordering::Relaxed);
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        File::create_new(path).map(|file| self.file(file))
    }

    fn entries(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        fs::read_dir(dir)?
            .map(|entry| {
                let entry = entry?;
                Ok(DirEntry {
                    name: entry.file_name(),
                    is_dir: entry.file_type()?.is_dir(),
                })
            })
            .collect()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[derive(Debug)]
struct LocalFile {
    file: File,
    cannot_read_cached: Arc<AtomicBool>,
}

impl DiskFile for LocalFile {
    fn size(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.cannot_read_cached.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut buffers = [IoSliceMut::new(buffer)];
        match preadv2(&self.file, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
            Ok(length) => Ok(length),
            // An old kernel, or a file system that cannot say whether it would wait.
            Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
                self.cannot_read_cached.store(true, Ordering::Relaxed);
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, bytes) {
            Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn append_from(&self, from: &dyn DiskFile, bytes: u64) -> io::Result<()> {
        let Some(file) = from.as_file() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let copied = io::copy(&mut file.take(bytes), &mut &self.file)?;
        if copied == bytes {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn as_file(&self) -> Option<&File> {
        Some(&self.file)
    }
}
