//! Making things durable, and remembering when that failed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::disk::{Disk, DiskFile};
use crate::error::{ErrorKind, StoreError};

/// Runs what blocks on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            let error = std::io::Error::other(error);
            Err(StoreError::io("finish the work on", Path::new("the store"))(error))
        })
}

/// The disk below the store, and its directory for files being written. After a failed sync nobody
/// can know what is on the disk (the kernel may have dropped the pages and call the next sync a
/// success), so it takes no more writes.
pub(super) struct Volume {
    pub(super) disk: Arc<dyn Disk>,
    tmp: PathBuf,
    poison: OnceLock<String>,
    serial: AtomicU64,
    generation: AtomicU64,
}

impl Volume {
    pub(super) fn new(disk: Arc<dyn Disk>, tmp: PathBuf) -> Self {
        Self {
            disk,
            tmp,
            poison: OnceLock::new(),
            serial: AtomicU64::new(0),
            generation: AtomicU64::new(1),
        }
    }

    /// Fails with [`StoreError::Poisoned`] once the disk has failed.
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

    /// Returns a generation above all before it.
    pub(super) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes every later generation higher than one that was found.
    pub(super) fn saw_generation(&self, found: u64) {
        self.generation
            .fetch_max(found.saturating_add(1), Ordering::Relaxed);
    }

    /// Makes the names in a directory durable. Lack of room does not poison: the names are not lost
    /// then, and the next sync writes them.
    pub(super) fn sync_dir(&self, path: &Path) -> Result<(), StoreError> {
        let synced = self.disk.sync_dir(path);
        match synced.map_err(StoreError::io("sync", path)) {
            Err(error) if error.kind() != ErrorKind::Full => Err(self.poison(error)),
            synced => synced,
        }
    }

    /// Gives a finished directory its final name, durably. After an error it has neither name.
    pub(super) fn publish_dir(&self, building: &Path, to: &Path) -> Result<(), StoreError> {
        let dir = parent(to);
        let published =
            self.rename(building, to, "create")
                .and_then(|()| match self.sync_dir(dir) {
                    Ok(()) => Ok(()),
                    Err(error) => {
                        let _ = self.disk.rename(to, building);
                        let _ = self.disk.sync_dir(dir);
                        Err(error)
                    }
                });
        if published.is_err() {
            self.discard_dir(building);
        }
        published
    }

    /// Removes a directory in `tmp/`.
    pub(super) fn discard_dir(&self, path: &Path) {
        if let Err(error) = self.disk.remove_dir_all(path) {
            tracing::warn!(path = %path.display(), %error, "a temporary directory stays until the next start");
        }
    }

    /// Renames a file or directory.
    pub(super) fn rename(
        &self,
        from: &Path,
        to: &Path,
        action: &'static str,
    ) -> Result<(), StoreError> {
        self.disk
            .rename(from, to)
            .map_err(StoreError::io(action, to))
    }

    /// Returns an unused name in `tmp/`.
    pub(super) fn temp_path(&self) -> PathBuf {
        self.tmp.join(format!(
            "{:016x}",
            self.serial.fetch_add(1, Ordering::Relaxed)
        ))
    }

    /// Creates a file in `tmp/`.
    pub(super) fn temp(&self) -> Result<Temp, StoreError> {
        self.temp_at(self.temp_path())
    }

    /// Creates a file that is removed again unless it is published or kept.
    pub(super) fn temp_at(&self, path: PathBuf) -> Result<Temp, StoreError> {
        self.check()?;
        let file = self
            .disk
            .create(&path)
            .map_err(StoreError::io("create", &path))?;
        Ok(Temp {
            file,
            guard: Guard {
                disk: Arc::clone(&self.disk),
                path: Some(path),
            },
        })
    }
}

/// A file being written, which is removed when it is dropped.
pub(super) struct Temp {
    file: Arc<dyn DiskFile>,
    guard: Guard,
}

impl Temp {
    /// Appends to its content.
    pub(super) fn append(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .append(bytes)
            .map_err(StoreError::io("write", self.guard.path()))
    }

    /// Appends the first `size` bytes of another file; in the kernel, where the file system can.
    pub(super) fn append_from(
        &self,
        from: &dyn DiskFile,
        path: &Path,
        size: u64,
    ) -> Result<(), StoreError> {
        self.file
            .append_from(from, size)
            .map_err(StoreError::io("copy", path))
    }

    /// Takes the room that its content will need, so that a full disk is found before the content
    /// was sent. Does nothing on file systems that cannot.
    pub(super) fn reserve(&self, bytes: u64) -> Result<(), StoreError> {
        self.file
            .reserve(bytes)
            .map_err(StoreError::io("write", self.guard.path()))
    }

    /// Makes its content durable; it has been written to the end, the last `tail_bytes` of it
    /// being the tail. A disk that turns out to be full at this moment is not poisoned: nothing but
    /// this file is lost, and the file is thrown away.
    pub(super) fn sync(self, volume: &Volume, tail_bytes: usize) -> Result<Synced, StoreError> {
        let synced = self.file.sync();
        match synced.map_err(StoreError::io("sync", self.guard.path())) {
            Ok(()) => Ok(Synced {
                guard: self.guard,
                tail_bytes: u32::try_from(tail_bytes).expect("a tail has at most 1 MiB"),
            }),
            Err(full) if full.kind() == ErrorKind::Full => Err(full),
            Err(error) => Err(volume.poison(error)),
        }
    }
}

/// A file whose content is durable, but not its name. It is removed when it is dropped.
pub(super) struct Synced {
    guard: Guard,
    tail_bytes: u32,
}

impl Synced {
    /// Renames it to its final name, durably. After an error it has neither name.
    pub(super) fn publish(mut self, volume: &Volume, to: &Path) -> Result<(), StoreError> {
        volume.rename(self.guard.path(), to, "rename a new file to")?;
        self.guard.path = Some(to.to_owned());
        let dir = parent(to);
        let synced = volume.sync_dir(dir);
        if synced.is_ok() {
            self.guard.path = None;
        } else {
            // The name may be durable all the same; that it is gone may be made so, too.
            drop(self);
            let _ = volume.disk.sync_dir(dir);
        }
        synced
    }

    /// Leaves it where it was created.
    pub(super) fn keep(mut self) {
        self.guard.path = None;
    }

    /// The length of its tail in bytes.
    pub(super) fn tail_bytes(&self) -> u32 {
        self.tail_bytes
    }
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .expect("what the store publishes lies in a directory of the store")
}

struct Guard {
    disk: Arc<dyn Disk>,
    path: Option<PathBuf>,
}

impl Guard {
    fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = self.disk.remove_file(path)
        {
            tracing::warn!(path = %path.display(), %error, "a temporary file stays until the next start");
        }
    }
}
