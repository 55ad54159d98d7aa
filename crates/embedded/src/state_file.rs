//! State that lives in memory and, before anybody hears of a change, in a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use skykey_seal::{read_private, write_private};

use crate::EmbeddedError;

/// One value, read from memory and written through to a private JSON file (mode 0600, replaced as
/// a whole). A change is on the disk before [`StateFile::update`] returns; a change that could not
/// be written did not happen. Made for state of at most some megabytes: each change writes it all.
///
/// Clones share the value.
pub struct StateFile<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    path: PathBuf,
    state: RwLock<T>,
    // Held from the copy to the swap, so that changes happen one after the other.
    writing: Mutex<()>,
}

impl<T> StateFile<T>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Reads the file, or starts with the default if there is none; writes nothing.
    pub fn open(path: &Path) -> Result<Self, EmbeddedError>
    where
        T: Default,
    {
        let bytes = read_private(path).map_err(|source| EmbeddedError::Io {
            path: path.to_owned(),
            source,
        })?;
        let state = match bytes {
            None => T::default(),
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| EmbeddedError::Damaged {
                    path: path.to_owned(),
                    why: error.to_string(),
                })?
            }
        };
        let inner = Inner {
            path: path.to_owned(),
            state: RwLock::new(state),
            writing: Mutex::new(()),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Looks at the value. `look` must be short: changes wait for it.
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(
            &self
                .inner
                .state
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Changes the value. Dropping the future does not undo a change that has begun.
    pub async fn update<R: Send + 'static>(
        &self,
        change: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, EmbeddedError> {
        self.try_update(|state| Ok(change(state))).await
    }

    /// As [`StateFile::update`], but nothing is changed or written if `change` returns an error.
    pub async fn try_update<R, E>(
        &self,
        change: impl FnOnce(&mut T) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<EmbeddedError> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let path = self.inner.path.clone();
        match tokio::task::spawn_blocking(move || inner.change(change)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(EmbeddedError::Io {
                path,
                source: io::Error::other(error),
            }
            .into()),
        }
    }

    /// As [`StateFile::try_update`], for code that runs before there is a runtime. Blocks.
    pub fn update_blocking<R, E: From<EmbeddedError>>(
        &self,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        self.inner.change(change)
    }
}

impl<T: Clone + Serialize> Inner<T> {
    fn change<R, E: From<EmbeddedError>>(
        &self,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = self
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let outcome = change(&mut next)?;
        let failed = |source| EmbeddedError::Io {
            path: self.path.clone(),
            source,
        };
        let bytes =
            serde_json::to_vec_pretty(&next).map_err(|error| failed(io::Error::other(error)))?;
        write_private(&self.path, &bytes).map_err(failed)?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(outcome)
    }
}

impl<T> Clone for StateFile<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

/// Shows where it lies, not what it holds: that may be secret.
impl<T> fmt::Debug for StateFile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateFile")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        let file = StateFile::<Vec<u32>>::open(&path).unwrap();
        assert_eq!(
            file.update(|list| {
                list.push(7);
                list.len()
            })
            .await
            .unwrap(),
            1
        );
        assert_eq!(
            StateFile::<Vec<u32>>::open(&path)
                .unwrap()
                .read(Clone::clone),
            [7]
        );
    }

    #[tokio::test]
    async fn a_change_that_cannot_be_written_did_not_happen() {
        let dir = tempfile::tempdir().unwrap();
        let file = StateFile::<Vec<u32>>::open(&dir.path().join("gone/state.json")).unwrap();
        assert!(file.update(|list| list.push(7)).await.is_err());
        assert!(file.read(Vec::is_empty));
    }

    #[tokio::test]
    async fn a_refused_change_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        let file = StateFile::<Vec<u32>>::open(&path).unwrap();
        let refuse = |list: &mut Vec<u32>| {
            list.push(7);
            Err::<(), _>(EmbeddedError::NoSuchPerson("x".to_owned()))
        };
        assert!(file.try_update(refuse).await.is_err());
        assert!(file.read(Vec::is_empty));
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_file_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        std::fs::write(&path, "{").unwrap();
        let error = StateFile::<Vec<u32>>::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("state.json") && error.contains("damaged"),
            "{error}"
        );
    }
}
