//! One process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::ClientError;

/// How long a process waits for the lock: longer than the slowest renewal or lease with all
/// retries.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Held while it lives; it goes with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Guard(
    #[expect(dead_code, reason = "the lock is as long as the file is open")] File,
);

impl Guard {
    /// Waits for `path`'s lock, a minute at most.
    pub(crate) async fn take(path: &Path) -> Result<Self, ClientError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|error| ClientError::file("open", path, &error))?;
        let patience = Instant::now() + LOCK_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                    sleep(LOOK_EVERY).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(ClientError::Busy {
                        path: path.to_owned(),
                        waited: LOCK_TIMEOUT,
                    });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(ClientError::file("lock", path, &error));
                }
            }
        }
    }
}
