//! Making things durable, and remembering when that failed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use crate::StoreError;

/// Runs what blocks on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(
                StoreError::io("finish the work on", Path::new("the store"))(io::Error::other(
                    error,
                )),
            )
        })
}

/// The disk below the store. After a failed sync nobody can know what is on it (the kernel may
/// have dropped the pages and call the next sync a success), so it takes no more writes.
pub(super) struct Disk {
    tmp: PathBuf,
    poison: OnceLock<String>,
    serial: AtomicU64,
    generation: AtomicU64,
    #[cfg(test)]
    pub(super) fail_syncs: std::sync::atomic::AtomicBool,
}

impl Disk {
    pub(super) fn new(tmp: PathBuf) -> Self {
        Self {
            tmp,
            poison: OnceLock::new(),
            serial: AtomicU64::new(0),
            generation: AtomicU64::new(1),
            #[cfg(test)]
            fail_syncs: false.into(),
        }
    }

    /// Refuses once the disk has failed.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.poison.get() {
            None => Ok(()),
            Some(cause) => Err(StoreError::Poisoned {
                cause: cause.clone(),
            }),
        }
    }

    /// Takes the disk out of service.
    pub(super) fn poison(&self, error: StoreError) -> StoreError {
        tracing::error!(%error, "the store takes no more writes");
        let _ = self.poison.set(error.to_string());
        error
    }

    /// A generation above all before it.
    pub(super) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes every later generation higher than one that was found.
    pub(super) fn saw_generation(&self, found: u64) {
        self.generation
            .fetch_max(found.saturating_add(1), Ordering::Relaxed);
    }

    pub(super) fn sync_file(&self, file: &File, path: &Path) -> Result<(), StoreError> {
        self.try_sync(file)
            .map_err(StoreError::io("sync", path))
            .map_err(|error| self.poison(error))
    }

    /// Makes a file's content durable, or a directory's names.
    pub(super) fn sync_path(&self, path: &Path) -> Result<(), StoreError> {
        File::open(path)
            .and_then(|file| self.try_sync(&file))
            .map_err(StoreError::io("sync", path))
            .map_err(|error| self.poison(error))
    }

    #[cfg_attr(
        not(test),
        expect(clippy::unused_self, reason = "a test breaks one disk, not all")
    )]
    fn try_sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        if self.fail_syncs.load(Ordering::SeqCst) {
            return Err(io::Error::other("a test broke the disk"));
        }
        file.sync_all()
    }

    /// A name in `tmp/` that nobody else has.
    pub(super) fn temp_path(&self) -> PathBuf {
        self.tmp.join(format!(
            "{:016x}",
            self.serial.fetch_add(1, Ordering::Relaxed)
        ))
    }

    /// A new file in `tmp/`.
    pub(super) fn temp(&self) -> Result<Temp, StoreError> {
        self.check()?;
        let path = self.temp_path();
        let file = File::create_new(&path).map_err(StoreError::io("create", &path))?;
        Ok(Temp {
            file,
            guard: Guard(Some(path)),
        })
    }
}

/// A file being written, which goes when it is dropped.
pub(super) struct Temp {
    file: File,
    guard: Guard,
}

impl Temp {
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(super) fn path(&self) -> &Path {
        self.guard.path()
    }

    /// Takes the room that its content will need, so that a full disk is found before the content
    /// was sent. Does nothing on file systems that cannot.
    pub(super) fn reserve(&self, bytes: u64) -> Result<(), StoreError> {
        match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, bytes) {
            Err(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => {
                Err(StoreError::io("write", self.path())(
                    io::ErrorKind::StorageFull.into(),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Makes its content durable; it has been written to the end, the last `tail_bytes` of it
    /// being the tail.
    pub(super) fn sync(self, disk: &Disk, tail_bytes: usize) -> Result<Synced, StoreError> {
        disk.sync_file(&self.file, self.guard.path())?;
        Ok(Synced {
            guard: self.guard,
            tail_bytes: u32::try_from(tail_bytes).expect("a tail has at most 1 MiB"),
        })
    }
}

/// A file whose content is durable, but not its name. It goes when it is dropped.
pub(super) struct Synced {
    guard: Guard,
    tail_bytes: u32,
}

impl Synced {
    /// Gives it its place, durably. On an error it is in neither place.
    pub(super) fn publish(mut self, disk: &Disk, to: &Path) -> Result<(), StoreError> {
        fs::rename(self.guard.path(), to).map_err(StoreError::io("rename a new file to", to))?;
        self.guard.0 = Some(to.to_owned());
        let dir = to
            .parent()
            .expect("a file of the store lies in a directory of the store");
        disk.sync_path(dir)?;
        self.guard.0 = None;
        Ok(())
    }

    /// The length of its tail in bytes.
    pub(super) fn tail_bytes(&self) -> u32 {
        self.tail_bytes
    }
}

struct Guard(Option<PathBuf>);

impl Guard {
    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(path = %path.display(), %error, "a temporary file stays until the next start");
        }
    }
}
