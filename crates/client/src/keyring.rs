//! The keyring of the person's desktop, where the refresh token is kept if there is one.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use skykey_types::Secret;

#[cfg(target_os = "linux")]
mod secret_service;

/// A keyring that does not respond in this time counts as absent: the person may not see its
/// dialogue.
const KEYRING_TIMEOUT: Duration = Duration::from_secs(4);

/// Which secret is meant: a keyring is its person's, not one folder's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The portal that the login is for.
    pub portal: String,
    /// The folder in which the rest of the login lies.
    pub folder: String,
}

/// Why a keyring cannot be used, in words that go after "the keyring cannot be used: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyringError(pub String);

/// A place for secrets that the operating system keeps, for one person.
#[async_trait]
pub trait Keyring: Debug + Send + Sync {
    /// Keeps a secret, in place of an earlier one.
    async fn put(&self, entry: &Entry, secret: &Secret) -> Result<(), KeyringError>;
    /// The secret, if it is there.
    async fn get(&self, entry: &Entry) -> Result<Option<Secret>, KeyringError>;
    /// Forgets it, if it is there.
    async fn remove(&self, entry: &Entry) -> Result<(), KeyringError>;
}

/// The keyring of this session: the Secret Service of a Linux desktop (GNOME Keyring, KWallet, KeePassXC), spoken to
/// on the session's bus. It never asks the person anything: a locked one is an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct DesktopKeyring;

#[async_trait]
impl Keyring for DesktopKeyring {
    async fn put(&self, entry: &Entry, secret: &Secret) -> Result<(), KeyringError> {
        let (entry, secret) = (entry.clone(), secret.clone());
        aside(move || native::put(&entry, &secret)).await
    }

    async fn get(&self, entry: &Entry) -> Result<Option<Secret>, KeyringError> {
        let entry = entry.clone();
        aside(move || native::get(&entry)).await
    }

    async fn remove(&self, entry: &Entry) -> Result<(), KeyringError> {
        let entry = entry.clone();
        aside(move || native::remove(&entry)).await
    }
}

/// The library blocks; each of its calls ends by itself within half a minute.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(KeyringError("the attempt to speak to it failed".to_owned())))
}

/// The keyring's answer, or that it gave none.
pub(crate) async fn patiently<T>(
    asked: impl Future<Output = Result<T, KeyringError>>,
) -> Result<T, KeyringError> {
    match tokio::time::timeout(KEYRING_TIMEOUT, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(KeyringError(format!(
            "it did not answer within {} s",
            KEYRING_TIMEOUT.as_secs()
        ))),
    }
}

#[cfg(target_os = "linux")]
use secret_service as native;

#[cfg(not(target_os = "linux"))]
mod native {
    use skykey_types::Secret;

    use super::{Entry, KeyringError};

    fn none<T>() -> Result<T, KeyringError> {
        let why = "skykey knows none on this operating system";
        Err(KeyringError(why.to_owned()))
    }

    pub(super) fn put(_: &Entry, _: &Secret) -> Result<(), KeyringError> {
        none()
    }

    pub(super) fn get(_: &Entry) -> Result<Option<Secret>, KeyringError> {
        none()
    }

    pub(super) fn remove(_: &Entry) -> Result<(), KeyringError> {
        none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_keyring_that_does_not_answer_is_not_waited_for() {
        let silence = std::future::pending::<Result<(), KeyringError>>();
        let error = patiently(silence).await.unwrap_err();
        assert_eq!(error.to_string(), "it did not answer within 4 s");
    }
}
