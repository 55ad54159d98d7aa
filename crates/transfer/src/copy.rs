//! All objects below a prefix to a folder, several at once.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use skykey_s3_client::ObjectAddress;
use skykey_s3_client::operations::list_objects_v2::Entry;
use tokio::task::JoinSet;

use crate::local::below;
use crate::{Downloaded, ObjectError, Objects};

/// So many errors are kept; the others are counted.
const MAX_ERRORS: usize = 20;

/// Hears how far a copy is.
pub trait Progress: Send + Sync {
    /// An object of so many bytes will be copied.
    fn found(&self, bytes: u64);
    /// So many bytes have come.
    fn bytes(&self, bytes: usize);
    /// An object of so many bytes is done: copied, there already, or given up.
    fn done(&self, bytes: u64, outcome: Option<Downloaded>);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn found(&self, _: u64) {}
    fn bytes(&self, _: usize) {}
    fn done(&self, _: u64, _: Option<Downloaded>) {}
}

/// How to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyOptions {
    /// Replace files that are there.
    pub replace: bool,
    /// How many objects at once; 1 at least.
    pub at_once: usize,
}

/// What became of a copy of many.
#[derive(Debug, Default)]
pub struct Copied {
    /// How many were copied, were there already, and failed.
    pub tally: Tally,
    /// The first errors.
    pub errors: Vec<ObjectError>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// Numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Objects that were copied.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that were there already.
    pub were_there: u64,
    /// Objects that could not be copied.
    pub failed: u64,
}

impl Objects {
    /// Copies every object whose key begins with that of `from`, which is empty or ends with a
    /// slash, to its place below `folder`; folders are made. Markers of folders (keys that end with
    /// a slash) are left out. Failures are reported at the end; the other objects are copied,
    /// unless they would fail in the same way. After `stop`, no transfer is running and no partial
    /// file is left.
    pub async fn copy_all(
        &self,
        from: &ObjectAddress,
        folder: &Path,
        options: CopyOptions,
        progress: Arc<dyn Progress>,
        stop: impl Future<Output = ()>,
    ) -> Result<Copied, ObjectError> {
        let mut copied = Copied::default();
        let mut running = JoinSet::new();
        let copying = self.copying(from, folder, options, progress, &mut copied, &mut running);
        let outcome = tokio::select! {
            outcome = copying => outcome.map(|()| false),
            () = stop => Ok(true),
        };
        // Those under way take their half files with them.
        running.shutdown().await;
        self.settled().await;
        copied.interrupted = outcome?;
        Ok(copied)
    }

    async fn copying(
        &self,
        from: &ObjectAddress,
        folder: &Path,
        options: CopyOptions,
        progress: Arc<dyn Progress>,
        copied: &mut Copied,
        running: &mut JoinSet<Result<Downloaded, ObjectError>>,
    ) -> Result<(), ObjectError> {
        let mut lister = self.list(from, false);
        let mut waiting: VecDeque<Entry> = VecDeque::new();
        let mut listed_all = false;
        loop {
            if waiting.is_empty() && !listed_all {
                match lister.next().await? {
                    None => listed_all = true,
                    Some(page) => {
                        for entry in page.objects {
                            if !entry.key.ends_with('/') {
                                progress.found(entry.size);
                                waiting.push_back(entry);
                            }
                        }
                        continue;
                    }
                }
            }
            while running.len() < options.at_once.max(1)
                && let Some(entry) = waiting.pop_front()
            {
                let at = from.with_key(entry.key.clone());
                match below(folder, from, &at) {
                    Ok(to) => {
                        let (objects, progress) = (self.clone(), progress.clone());
                        let replace = options.replace;
                        running.spawn(async move {
                            let size = entry.size;
                            let outcome = objects
                                .download_listed(&at, entry, to, replace, &*progress)
                                .await;
                            progress.done(size, outcome.as_ref().ok().copied());
                            outcome
                        });
                    }
                    Err(error) => {
                        progress.done(entry.size, None);
                        copied.count(Err(error));
                    }
                }
            }
            match running.join_next().await {
                Some(Ok(outcome)) => {
                    let stop = outcome.as_ref().is_err_and(ObjectError::is_final);
                    copied.count(outcome);
                    if stop {
                        return Ok(());
                    }
                }
                Some(Err(_)) => copied.tally.failed += 1,
                None if listed_all && waiting.is_empty() => return Ok(()),
                None => {}
            }
        }
    }
}

impl Copied {
    fn count(&mut self, outcome: Result<Downloaded, ObjectError>) {
        match outcome {
            Ok(Downloaded::Copied(bytes)) => {
                self.tally.copied += 1;
                self.tally.bytes += bytes;
            }
            Ok(Downloaded::WasThere) => self.tally.were_there += 1,
            Err(error) => {
                self.tally.failed += 1;
                if self.errors.len() < MAX_ERRORS {
                    self.errors.push(error);
                }
            }
        }
    }
}
