//! Password hashing: argon2id with the parameters that OWASP's password storage cheat sheet gives
//! (19 MiB, two passes, one lane), a few at a time.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use skykey_types::{Secret, random_bytes, random_token};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::PasswordError;
use crate::EmbeddedError;

const MAX_CONCURRENT: usize = 2;
const MAX_WAITING: usize = 32;
const MAX_PASSWORD_BYTES: usize = 1024;

/// Hashes and checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    /// The hash that an unknown username is checked against, so that it takes the same time.
    unknown_user_hash: String,
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
}

/// A permit to check one password.
pub(super) struct CheckPermit<'a> {
    passwords: &'a Passwords,
    held: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Passwords {
    pub(super) fn new() -> Result<Self, EmbeddedError> {
        Ok(Self {
            unknown_user_hash: hash(&Secret::new(random_token(32)))?,
            queue: Arc::new(Semaphore::new(MAX_WAITING + MAX_CONCURRENT)),
            cores: Arc::new(Semaphore::new(MAX_CONCURRENT)),
        })
    }

    /// Hashes a new password, in PHC format. Blocks for some tens of milliseconds.
    #[expect(
        clippy::unused_self,
        reason = "the parameters of hashing and checking belong together"
    )]
    pub(super) fn hash(&self, password: &Secret) -> Result<String, EmbeddedError> {
        hash(password)
    }

    /// Waits for a permit; fails if too many others wait.
    pub(super) async fn permit(&self) -> Result<CheckPermit<'_>, PasswordError> {
        let queued = Arc::clone(&self.queue)
            .try_acquire_owned()
            .map_err(|_| PasswordError::Unavailable)?;
        let core = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Unavailable)?;
        Ok(CheckPermit {
            passwords: self,
            held: (queued, core),
        })
    }
}

impl CheckPermit<'_> {
    /// Whether `password` has the hash. Without a hash the answer is no, after the same time.
    pub(super) async fn check(
        self,
        hash: Option<String>,
        password: Secret,
    ) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.passwords.unknown_user_hash.clone());
        let held = self.held;
        let work = move || {
            // Held by the work, which continues after the caller has gone.
            let _held = held;
            verify(&hash, &password)
        };
        let matches = tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| PasswordError::Unavailable)?;
        Ok(matches && known)
    }
}

fn hash(password: &Secret) -> Result<String, EmbeddedError> {
    let failed = |error: argon2::password_hash::Error| {
        EmbeddedError::Crypto(format!("hash a password: {error}"))
    };
    let salt = SaltString::encode_b64(&random_bytes::<16>()).map_err(failed)?;
    Ok(argon2id()?
        .hash_password(password.expose().as_bytes(), &salt)
        .map_err(failed)?
        .to_string())
}

fn verify(hash: &str, password: &Secret) -> bool {
    let bytes = password.expose().as_bytes();
    let fits = bytes.len() <= MAX_PASSWORD_BYTES;
    let bytes = if fits { bytes } else { b"" };
    let (Ok(hash), Ok(argon2)) = (PasswordHash::new(hash), argon2id()) else {
        return false;
    };
    argon2.verify_password(bytes, &hash).is_ok() && fits
}

fn argon2id() -> Result<Argon2<'static>, EmbeddedError> {
    let params = Params::new(19 * 1024, 2, 1, None)
        .map_err(|error| EmbeddedError::Crypto(format!("hash a password: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
