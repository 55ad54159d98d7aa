//! Logging in, and the login that is kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use skykey_iam::{DevicePoll, DeviceStart, Iam, IamError, IamSettings};
use skykey_types::{Secret, SignedDuration, Timestamp};

use crate::guard::Guard;
use crate::{Client, ClientError, places};

/// An access token is renewed when this much is left: clocks differ, and a request takes time.
const LEFT: SignedDuration = SignedDuration::from_secs(60);
/// RFC 8628 §3.5: five seconds more after each `slow_down`.
const SLOWER: SignedDuration = SignedDuration::from_secs(5);

/// A login by device code that has begun.
#[derive(Debug)]
pub struct Begun {
    /// What the person types and where.
    pub device: DeviceStart,
    iam: Iam,
    issuer: String,
    client_id: String,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The login name.
    pub username: String,
    /// The name for people.
    pub name: String,
}

/// `login.json`.
#[derive(Deserialize)]
struct Kept {
    issuer: String,
    client_id: String,
    username: String,
    name: String,
    access_token: Secret,
    expires: Timestamp,
    refresh_token: Option<Secret>,
}

#[derive(Serialize)]
struct KeptWire<'a> {
    issuer: &'a str,
    client_id: &'a str,
    username: &'a str,
    name: &'a str,
    access_token: &'a str,
    expires: Timestamp,
    refresh_token: Option<&'a str>,
}

impl Client {
    /// Begins a login by device code at the IAM that the portal names.
    pub async fn begin_login(&self) -> Result<Begun, ClientError> {
        let site = self.site().await?;
        let client_id = site.client_id.ok_or_else(|| ClientError::NoLoginOffered {
            portal: self.portal.to_string(),
        })?;
        let iam = self.iam(&site.issuer, &client_id)?;
        let device = iam.begin_device(&["offline_access"]).await?;
        Ok(Begun {
            device,
            iam,
            issuer: site.issuer,
            client_id,
        })
    }

    /// Waits until the person has answered, and keeps the login. What was kept of another login here is
    /// forgotten.
    pub async fn finish_login(&self, begun: Begun) -> Result<Who, ClientError> {
        let mut every = begun.device.interval;
        let login = loop {
            let pause = every.try_into().unwrap_or_default();
            tokio::time::sleep(pause).await;
            match begun.iam.poll_device(&begun.device).await {
                Ok(DevicePoll::Pending) => {}
                Ok(DevicePoll::SlowDown) => every += SLOWER,
                Ok(DevicePoll::Done(login)) => break login,
                Ok(DevicePoll::Denied) => return Err(ClientError::LoginRefused),
                Ok(DevicePoll::Expired) => return Err(ClientError::CodeExpired),
                // RFC 8628 §3.5: go on, more slowly; the code ends by itself.
                Err(error) if error.is_outage() => every += SLOWER,
                Err(error) => return Err(error.into()),
            }
        };
        self.folder.clear()?;
        self.folder.make()?;
        let who = Who {
            username: login.username.clone(),
            name: login.name.clone(),
        };
        self.keep(&Kept {
            issuer: begun.issuer,
            client_id: begun.client_id,
            username: login.username,
            name: login.name,
            access_token: login.access_token,
            expires: login.expires,
            refresh_token: login.refresh_token,
        })?;
        Ok(who)
    }

    /// Who is logged in, by what is kept; nobody is asked.
    pub fn who(&self) -> Result<Who, ClientError> {
        let kept = self.kept()?;
        Ok(Who {
            username: kept.username,
            name: kept.name,
        })
    }

    /// Forgets the login and the credentials that are kept; whether there was a login. Credentials that
    /// were handed out go on until they end.
    pub fn forget(&self) -> Result<bool, ClientError> {
        let was = self.folder.login().exists();
        self.folder.clear()?;
        Ok(was)
    }

    /// An access token that is good for a minute at least.
    pub(crate) async fn access_token(&self) -> Result<Secret, ClientError> {
        let kept = self.kept()?;
        if self.is_good(&kept) {
            return Ok(kept.access_token);
        }
        self.renew(|now| self.is_good(now)).await
    }

    /// An access token in place of one that was refused.
    pub(crate) async fn another_access_token(
        &self,
        refused: &Secret,
    ) -> Result<Secret, ClientError> {
        self.renew(|now| now.access_token != *refused).await
    }

    /// The IAM with a token for it.
    pub(crate) async fn at_the_iam(&self) -> Result<(Iam, Secret), ClientError> {
        let token = self.access_token().await?;
        let kept = self.kept()?;
        Ok((self.iam(&kept.issuer, &kept.client_id)?, token))
    }

    /// Renews the login, unless another process, for which we wait, has done it: then what it kept
    /// `will_do`. Two renewals with one refresh token would end the login (RFC 9700 §4.14.2).
    async fn renew(&self, will_do: impl Fn(&Kept) -> bool) -> Result<Secret, ClientError> {
        let _guard = Guard::take(&self.folder.login_lock()).await?;
        let mut kept = self.kept()?;
        if will_do(&kept) {
            return Ok(kept.access_token);
        }
        let ended = |why: String| ClientError::LoginEnded {
            portal: self.portal.to_string(),
            why,
        };
        let Some(refresh_token) = &kept.refresh_token else {
            return Err(ended("the IAM gave nothing to renew it with".to_owned()));
        };
        let iam = self.iam(&kept.issuer, &kept.client_id)?;
        let fresh = match iam.refresh(refresh_token).await {
            Ok(fresh) => fresh,
            Err(IamError::NoLongerVouched) => {
                return Err(ended("the IAM no longer vouches for it".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        kept.access_token = fresh.access_token;
        kept.expires = fresh.expires;
        kept.refresh_token = fresh.refresh_token.or(kept.refresh_token);
        self.keep(&kept)?;
        Ok(kept.access_token)
    }

    fn is_good(&self, kept: &Kept) -> bool {
        self.clock.now() + LEFT < kept.expires
    }

    fn iam(&self, issuer: &str, client_id: &str) -> Result<Iam, ClientError> {
        let issuer = issuer
            .parse()
            .map_err(|_| self.unexpected("ask the portal where to log in", "the issuer"))?;
        let here = self.portal.url().clone();
        let settings = IamSettings::new(issuer, client_id, None, here);
        Ok(Iam::new(settings, Arc::clone(&self.clock))?)
    }

    fn kept(&self) -> Result<Kept, ClientError> {
        places::read(&self.folder.login())?.ok_or_else(|| ClientError::NotLoggedIn {
            portal: self.portal.to_string(),
        })
    }

    fn keep(&self, kept: &Kept) -> Result<(), ClientError> {
        let wire = KeptWire {
            issuer: &kept.issuer,
            client_id: &kept.client_id,
            username: &kept.username,
            name: &kept.name,
            access_token: kept.access_token.expose(),
            expires: kept.expires,
            refresh_token: kept.refresh_token.as_ref().map(Secret::expose),
        };
        places::write(&self.folder.login(), &wire)
    }
}
