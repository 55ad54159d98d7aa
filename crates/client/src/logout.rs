//! Ending a login, here and at the IAM.

use std::time::Duration;

use crate::guard::Guard;
use crate::kept::Kept;
use crate::{Client, ClientError};

/// How long a logout waits for the IAM; the login is deleted from this machine in any case.
const REVOKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a login ended.
#[derive(Debug)]
pub enum LoggedOut {
    /// There was none.
    NobodyWas,
    /// The IAM has ended it, and nothing is left here.
    Ended,
    /// It is forgotten here, but something could not be told of it.
    ForgottenHere {
        /// Why the IAM could not be told: then its refresh token lives until it ends there.
        iam: Option<ClientError>,
        /// Why the keyring could not be told: then a token lies there that the IAM has ended, if it was told.
        keyring: Option<crate::KeyringError>,
    },
}

impl Client {
    /// Ends the login at the IAM (RFC 7009), as far as that answers within 10 s, and forgets it and the credentials
    /// that are kept. Credentials that were handed out go on until they end. No IAM and no keyring that is away keeps
    /// it from being forgotten here.
    pub async fn logout(&self) -> Result<LoggedOut, ClientError> {
        if !self.folder.login().exists() {
            self.folder.clear()?;
            return Ok(LoggedOut::NobodyWas);
        }
        // Who renews it just now would keep it again.
        let _guard = Guard::take(&self.folder.login_lock()).await?;
        let (iam, in_keyring) = match self.kept() {
            Ok(kept) => (self.end_at_the_iam(&kept).await, kept.keyring),
            // Another process was first.
            Err(ClientError::NotLoggedIn { .. }) => return Ok(LoggedOut::NobodyWas),
            // Of a file that is spoilt nothing can be told.
            Err(error) => (Err(error), false),
        };
        let keyring = if in_keyring {
            self.forget_in_keyring().await.err()
        } else {
            None
        };
        self.folder.clear()?;
        Ok(match (iam.err(), keyring) {
            (None, None) => LoggedOut::Ended,
            (iam, keyring) => LoggedOut::ForgottenHere { iam, keyring },
        })
    }

    async fn end_at_the_iam(&self, kept: &Kept) -> Result<(), ClientError> {
        let token = self.refresh_token(kept).await?;
        let iam = self.iam_of(kept)?;
        let revoke = async {
            match &token {
                Some(token) => iam.revoke_refresh_token(token).await,
                None => iam.revoke_access_token(&kept.access_token).await,
            }
        };
        match tokio::time::timeout(REVOKE_TIMEOUT, revoke).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(ClientError::Silent {
                seconds: REVOKE_TIMEOUT.as_secs(),
            }),
        }
    }
}
