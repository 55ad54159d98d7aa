//! The login as it is kept: `login.json`, and its refresh token in the keyring if there is one.

use std::fmt;

use serde::{Deserialize, Serialize};
use skykey_iam::Login;
use skykey_seal::Room;
use skykey_types::{Secret, Timestamp};

use crate::keyring::{Entry, KeyringError, patiently};
use crate::{Client, ClientError, places};

/// Where a login's refresh token shall be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// In the keyring; where that cannot be used, in the file.
    InKeyring,
    /// In the file, of mode 0600.
    InFile,
}

/// Where a login is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptIn {
    /// The refresh token is in the keyring, the rest in a file.
    Keyring,
    /// All of it is in this file.
    File(std::path::PathBuf),
}

impl fmt::Display for KeptIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("in the keyring"),
            Self::File(path) => write!(f, "in {}", path.display()),
        }
    }
}

/// `login.json`. It holds a refresh token, says that the keyring does, or there is none.
#[derive(Deserialize)]
pub(crate) struct Kept {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) access_token: Secret,
    pub(crate) expires: Timestamp,
    pub(crate) refresh_token: Option<Secret>,
    #[serde(default)]
    pub(crate) keyring: bool,
}

#[derive(Serialize)]
struct KeptWire<'a> {
    issuer: &'a str,
    client_id: &'a str,
    username: &'a str,
    name: &'a str,
    access_token: &'a str,
    expires: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    keyring: bool,
}

impl Kept {
    pub(crate) fn of(login: Login, issuer: &str, client_id: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            username: login.username,
            name: login.name,
            access_token: login.access_token,
            expires: login.expires,
            refresh_token: login.refresh_token,
            keyring: false,
        }
    }
}

impl Client {
    pub(crate) fn kept(&self) -> Result<Kept, ClientError> {
        places::read(&self.folder.login())?.ok_or_else(|| ClientError::NotLoggedIn {
            portal: self.portal.to_string(),
        })
    }

    pub(crate) fn kept_in(&self, kept: &Kept) -> KeptIn {
        if kept.keyring {
            KeptIn::Keyring
        } else {
            KeptIn::File(self.folder.login())
        }
    }

    /// Keeps a login, its refresh token in the keyring if that is wished and can be. Why it could not is the answer:
    /// then it is in the file, since a spent token cannot be had again.
    pub(crate) async fn keep(
        &self,
        mut kept: Kept,
        keep: Keep,
        room: Room,
    ) -> Result<Option<KeyringError>, ClientError> {
        let mut failed = None;
        kept.keyring = false;
        if let (Keep::InKeyring, Some(token)) = (keep, &kept.refresh_token) {
            match patiently(self.keyring.put(&self.entry(), token)).await {
                Ok(()) => {
                    kept.keyring = true;
                    kept.refresh_token = None;
                }
                Err(error) => failed = Some(error),
            }
        }
        let wire = KeptWire {
            issuer: &kept.issuer,
            client_id: &kept.client_id,
            username: &kept.username,
            name: &kept.name,
            access_token: kept.access_token.expose(),
            expires: kept.expires,
            refresh_token: kept.refresh_token.as_ref().map(Secret::expose),
            keyring: kept.keyring,
        };
        places::fill(room, &self.folder.login(), &wire)?;
        Ok(failed)
    }

    /// The refresh token, wherever it is; `None` if there is none.
    pub(crate) async fn refresh_token(&self, kept: &Kept) -> Result<Option<Secret>, ClientError> {
        if !kept.keyring {
            return Ok(kept.refresh_token.clone());
        }
        patiently(self.keyring.get(&self.entry()))
            .await
            .map_err(|error| ClientError::Keyring {
                portal: self.portal.to_string(),
                why: error.to_string(),
            })
    }

    pub(crate) async fn forget_in_keyring(&self) -> Result<(), KeyringError> {
        patiently(self.keyring.remove(&self.entry())).await
    }

    fn entry(&self) -> Entry {
        Entry {
            portal: self.portal.to_string(),
            folder: self.folder.path().display().to_string(),
        }
    }
}
