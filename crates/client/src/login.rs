//! Logging in, and renewing the login that is kept.

use std::sync::Arc;

use skykey_iam::{DevicePoll, DeviceStart, Iam, IamError, IamSettings, Login};
use skykey_types::{Secret, SignedDuration, Timestamp};
use skykey_upstream::UpstreamMetrics;
use url::Url;

use crate::guard::Guard;
use crate::kept::{Keep, Kept, KeptIn};
use crate::keyring::KeyringError;
use crate::{Client, ClientError, places};

/// An access token is renewed when this much is left: clocks differ, and a request takes time.
const MIN_TOKEN_VALIDITY: SignedDuration = SignedDuration::from_secs(60);
/// RFC 8628 §3.5: five seconds more after each `slow_down`.
const POLL_SLOWDOWN: SignedDuration = SignedDuration::from_secs(5);

/// A login by device code that has begun.
#[derive(Debug)]
pub struct Begun {
    /// What the person types and where.
    pub device: DeviceStart,
    at: LoginAt,
}

/// The IAM and our client there.
#[derive(Debug)]
pub(crate) struct LoginAt {
    pub(crate) iam: Iam,
    pub(crate) issuer: String,
    client_id: String,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The login name.
    pub username: String,
    /// The name for people.
    pub name: String,
    /// Where the login is kept.
    pub kept: KeptIn,
}

/// A login that has succeeded and is kept.
#[derive(Debug)]
pub struct LoggedIn {
    /// Who.
    pub who: Who,
    /// Why it is not in the keyring although that was wished.
    pub no_keyring: Option<KeyringError>,
}

/// The login that is kept, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLogin {
    /// The login name.
    pub username: String,
    /// The IAM's issuer.
    pub issuer: String,
    /// When the access token ends.
    pub expires: Timestamp,
    /// Whether it can be renewed then; only the IAM knows for how long.
    pub renewable: bool,
}

impl Client {
    /// Begins a login by device code at the IAM that the portal names.
    pub async fn begin_login(&self) -> Result<Begun, ClientError> {
        // Before anybody logs in for nothing.
        self.folder.make()?;
        drop(places::room(&self.folder.login())?);
        let at = self.login_at(self.portal.url().clone()).await?;
        let device = at.iam.begin_device(&["offline_access"]).await?;
        Ok(Begun { device, at })
    }

    /// Waits until the person has answered, and keeps the login. What was kept of another login here is
    /// forgotten.
    pub async fn finish_login(&self, begun: Begun, keep: Keep) -> Result<LoggedIn, ClientError> {
        let iam = &begun.at.iam;
        let mut every = begun.device.interval;
        let login = loop {
            let pause = every.try_into().unwrap_or_default();
            tokio::time::sleep(pause).await;
            match iam.poll_device(&begun.device).await {
                Ok(DevicePoll::Pending) => {}
                Ok(DevicePoll::SlowDown) => every += POLL_SLOWDOWN,
                Ok(DevicePoll::Done(login)) => break *login,
                Ok(DevicePoll::Denied) => return Err(ClientError::LoginRefused),
                Ok(DevicePoll::Expired) => return Err(ClientError::CodeExpired),
                // RFC 8628 §3.5: go on, more slowly; the code ends by itself.
                Err(error) if error.is_outage() => every += POLL_SLOWDOWN,
                Err(error) => return Err(error.into()),
            }
        };
        self.keep_new(login, &begun.at, keep).await
    }

    /// The IAM and the client with which people log in there, by the portal. `redirect` is where a browser would come
    /// back to.
    pub(crate) async fn login_at(&self, redirect: Url) -> Result<LoginAt, ClientError> {
        let site = self.site().await?;
        let client_id = site.client_id.ok_or_else(|| ClientError::NoLoginOffered {
            portal: self.portal.to_string(),
        })?;
        Ok(LoginAt {
            iam: self.iam(&site.issuer, &client_id, redirect)?,
            issuer: site.issuer,
            client_id,
        })
    }

    /// Keeps a login in place of what there was.
    pub(crate) async fn keep_new(
        &self,
        login: Login,
        at: &LoginAt,
        keep: Keep,
    ) -> Result<LoggedIn, ClientError> {
        let earlier_in_keyring = self.kept().is_ok_and(|kept| kept.keyring);
        self.folder.clear()?;
        self.folder.make()?;
        let room = places::room(&self.folder.login())?;
        let no_keyring = self
            .keep(Kept::of(login, &at.issuer, &at.client_id), keep, room)
            .await?;
        let who = self.who()?;
        if earlier_in_keyring && who.kept != KeptIn::Keyring {
            // It is of no use to anybody; a keyring that is away keeps it.
            let _ = self.forget_in_keyring().await;
        }
        Ok(LoggedIn { who, no_keyring })
    }

    /// Returns who is logged in, from the kept login, without a request.
    pub fn who(&self) -> Result<Who, ClientError> {
        let kept = self.kept()?;
        Ok(Who {
            kept: self.kept_in(&kept),
            username: kept.username,
            name: kept.name,
        })
    }

    /// Returns the kept login, without a request.
    pub fn kept_login(&self) -> Result<KeptLogin, ClientError> {
        let kept = self.kept()?;
        Ok(KeptLogin {
            username: kept.username,
            issuer: kept.issuer,
            expires: kept.expires,
            renewable: kept.keyring || kept.refresh_token.is_some(),
        })
    }

    /// An access token that is good for a minute at least.
    pub(crate) async fn access_token(&self) -> Result<Secret, ClientError> {
        let kept = self.kept()?;
        if self.is_good(&kept) {
            return Ok(kept.access_token);
        }
        Box::pin(self.renew(|now| self.is_good(now))).await
    }

    /// An access token in place of one that was refused.
    pub(crate) async fn another_access_token(
        &self,
        refused: &Secret,
    ) -> Result<Secret, ClientError> {
        Box::pin(self.renew(|now| now.access_token != *refused)).await
    }

    /// The IAM with a token for it.
    pub(crate) async fn at_the_iam(&self) -> Result<(Iam, Secret), ClientError> {
        let token = self.access_token().await?;
        Ok((self.iam_of(&self.kept()?)?, token))
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
        let Some(refresh_token) = self.refresh_token(&kept).await? else {
            let why = if kept.keyring {
                "the keyring has lost it"
            } else {
                "the IAM gave nothing to renew it with"
            };
            return Err(ended(why.to_owned()));
        };
        // The IAM takes the old one for spent, whatever becomes of the new one here.
        let room = places::room(&self.folder.login())?;
        let fresh = match self.iam_of(&kept)?.refresh(&refresh_token).await {
            Ok(fresh) => fresh,
            Err(IamError::NoLongerVouched) => {
                return Err(ended("the IAM no longer vouches for it".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        let token = fresh.access_token.clone();
        kept.access_token = fresh.access_token;
        kept.expires = fresh.expires;
        let keep = if kept.keyring {
            Keep::InKeyring
        } else {
            Keep::InFile
        };
        kept.refresh_token = Some(fresh.refresh_token.unwrap_or(refresh_token));
        // `kept_login` reports a keyring that fails now.
        let _ = self.keep(kept, keep, room).await?;
        Ok(token)
    }

    fn is_good(&self, kept: &Kept) -> bool {
        self.clock.now() + MIN_TOKEN_VALIDITY < kept.expires
    }

    /// The IAM of a login that is kept.
    pub(crate) fn iam_of(&self, kept: &Kept) -> Result<Iam, ClientError> {
        let here = self.portal.url().clone();
        self.iam(&kept.issuer, &kept.client_id, here)
    }

    fn iam(&self, issuer: &str, client_id: &str, redirect: Url) -> Result<Iam, ClientError> {
        let issuer = issuer
            .parse()
            .map_err(|_| self.unexpected("ask the portal where to log in", "the issuer"))?;
        let mut settings = IamSettings::new(issuer, client_id, None);
        settings.by_proxy = true;
        let metrics = UpstreamMetrics::default();
        Ok(Iam::new(
            settings,
            redirect,
            &metrics,
            Arc::clone(&self.clock),
        )?)
    }
}
