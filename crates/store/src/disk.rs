//! The disk that a store works on. Every call of a [`FileStore`](crate::FileStore) to the file
//! system goes through [`Disk`], so that tests can hand in one that fails.

mod local;
#[cfg(feature = "conformance")]
mod simulated;

use std::any::Any;
use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use self::local::LocalDisk;
#[cfg(feature = "conformance")]
pub use self::simulated::{Fault, SimulatedDisk};

/// A file system, as far as a store uses one. All calls may block, except those whose names end in
/// `cached`. Paths are those that the store was opened with, and below.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file for reading if that needs no waiting for the disk; otherwise fails with
    /// [`io::ErrorKind::WouldBlock`].
    fn open_cached(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates a file for writing; fails if there is one.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Returns what is in a directory, in any order.
    fn entries(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// Returns whether there is a file or directory.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Creates a directory and those above it; one that exists stays as it is.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Renames a file or directory. A file of the new name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and everything below it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Locks a file, which is created if need be, until the result is dropped. `None` if it is
    /// locked by another.
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>>;
}

/// Keeps a file locked until it is dropped.
pub type Lock = Box<dyn Any + Send + Sync>;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name, without the directory's path.
    pub name: OsString,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// An open file. It can be read after it was removed.
pub trait DiskFile: Debug + Send + Sync + 'static {
    /// Returns its length in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Reads up to `buffer.len()` bytes from `offset` on; 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// As [`read_at`](Self::read_at), but only what is in memory already: fails with
    /// [`io::ErrorKind::WouldBlock`] if nothing is.
    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at the end.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Takes room on the disk for a file of `bytes` bytes, if the file system can; fails only if
    /// there is not enough.
    fn reserve(&self, bytes: u64) -> io::Result<()>;

    /// Makes its content durable (not its name).
    fn sync(&self) -> io::Result<()>;

    /// Appends the first `bytes` bytes of another file.
    fn append_from(&self, from: &dyn DiskFile, bytes: u64) -> io::Result<()> {
        let mut buffer = vec![0; COPY_BYTES];
        let mut done = 0;
        while done < bytes {
            let length =
                usize::try_from(bytes - done).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
            from.read_exact_at(&mut buffer[..length], done)?;
            self.append(&buffer[..length])?;
            done += length as u64;
        }
        Ok(())
    }

    /// Fills `buffer` from `offset` on; fails with [`io::ErrorKind::UnexpectedEof`] if the file is
    /// shorter.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => done += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The file of the operating system, if there is one: copies then stay in the kernel.
    fn as_file(&self) -> Option<&File> {
        None
    }
}

const COPY_BYTES: usize = 1024 * 1024;
