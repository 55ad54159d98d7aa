//! Credentials, handed out again until they are nearly spent.

use http::Method;
use serde::{Deserialize, Serialize};
use skykey_api::{IssuedLease, Lease, LeaseRequest, LifetimeText, S3Location};
use skykey_seal::Room;
use skykey_types::{
    Access, AccessKeyId, Credentials, Secret, SignedDuration, SurveyName, Timestamp,
};

use crate::answers::GrantedLease;
use crate::guard::Guard;
use crate::identity::{self, Identity};
use crate::{Client, ClientError, places};

/// Credentials are replaced when this much is left: botocore begins to ask for others at 15 minutes,
/// so what it is given is never already too old for it.
pub const MIN_LEASE_VALIDITY: SignedDuration = SignedDuration::from_mins(20);

/// A request for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsRequest {
    /// Of which survey.
    pub survey: SurveyName,
    /// For how many seconds; the survey's shortest if left out. Not asked of a notebook server's portal.
    pub lifetime: Option<u32>,
}

/// `leases/SURVEY.json`.
#[derive(Deserialize)]
struct Kept {
    lease: Lease,
    access_key_id: AccessKeyId,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    place: S3Location,
    /// When the portal last called the lease live.
    seen_live: Timestamp,
    /// Whose it is, where that can change under us.
    #[serde(default)]
    holder: Option<String>,
}

#[derive(Serialize)]
struct KeptWire<'a> {
    lease: &'a Lease,
    access_key_id: &'a AccessKeyId,
    secret_access_key: &'a str,
    session_token: Option<&'a str>,
    place: &'a S3Location,
    seen_live: Timestamp,
    holder: Option<&'a str>,
}

impl Client {
    /// Returns credentials that read the survey. Kept credentials are returned while they are valid
    /// for more than [`MIN_LEASE_VALIDITY`] and the portal lists their lease as live (the client
    /// checks as often as the portal itself does). Otherwise the client gets new ones. Of many
    /// callers at once, in this process or another, one asks the portal. While the portal cannot be
    /// reached, kept credentials are returned until they expire.
    pub async fn credentials(
        &self,
        wish: &CredentialsRequest,
    ) -> Result<GrantedLease, ClientError> {
        // Before anything is written.
        let holder = self.holder()?;
        self.folder.make()?;
        let name = wish.name();
        let path = self.folder.lease(&name);
        let _guard = Guard::take(&self.folder.lease_lock(&name)).await?;
        let kept: Option<Kept> = match places::read(&path) {
            // Nothing is lost with it.
            Err(ClientError::Spoilt(_)) => None,
            other => other?,
        };
        let now = self.clock.now();
        let Some(mut kept) = kept.filter(|kept| kept.left(now) > SignedDuration::ZERO) else {
            return self.lease(wish).await;
        };
        let theirs = kept.holder == holder;
        let asked = if kept.left(now) <= MIN_LEASE_VALIDITY {
            self.lease(wish).await
        } else if theirs && now.duration_since(kept.seen_live).abs() < kept.look_every() {
            return Ok(kept.granted());
        } else if let Identity::Hub(_) = self.identity {
            // The portal hands out the same again while they are good.
            self.lease(wish).await
        } else {
            match self.is_live(&kept.lease.id).await {
                Ok(true) => {
                    kept.seen_live = now;
                    kept.holder = holder;
                    // On a full disk, each call asks the portal.
                    if let Ok(room) = places::room(&path) {
                        kept.write(room, &path)?;
                    }
                    return Ok(kept.granted());
                }
                Ok(false) => self.lease(wish).await,
                Err(error) => Err(error),
            }
        };
        match asked {
            // Nor does a full disk take away what works.
            Err(error) if theirs && (error.is_outage() || error.is_local()) => Ok(kept.granted()),
            asked => asked,
        }
    }

    /// Returns the holder of the credentials where it can change: none for a login, a hub or
    /// OpenStack, the token's subject for a token file.
    fn holder(&self) -> Result<Option<String>, ClientError> {
        match &self.identity {
            Identity::Login => self.who().map(|_| None),
            Identity::Hub(_) | Identity::OpenStack(_) => Ok(None),
            Identity::TokenFile(path) => {
                let token = identity::token_in(path)?;
                Ok(Some(identity::holder(&token)))
            }
        }
    }

    /// Returns credentials in place of some that the object store refused. The client asks the
    /// portal now whether their lease is live, and returns the same ones if it is.
    pub async fn credentials_after_refusal(
        &self,
        wish: &CredentialsRequest,
        refused: &AccessKeyId,
    ) -> Result<GrantedLease, ClientError> {
        let granted = self.credentials(wish).await?;
        if granted.credentials.access_key_id != *refused || self.is_live(&granted.lease.id).await? {
            return Ok(granted);
        }
        let name = wish.name();
        let path = self.folder.lease(&name);
        {
            let _guard = Guard::take(&self.folder.lease_lock(&name)).await?;
            let kept: Option<Kept> = places::read(&path).ok().flatten();
            // Another process may have others by now.
            if kept.is_some_and(|kept| kept.access_key_id == *refused) {
                let _ = std::fs::remove_file(&path);
            }
        }
        self.credentials(wish).await
    }

    /// Credentials that write into the survey, for a curator: a new lease, which is not kept on this machine.
    pub async fn lease_to_write(&self, survey: &SurveyName) -> Result<GrantedLease, ClientError> {
        const ASK: &str = "lease credentials that write";
        let request = LeaseRequest {
            access: Some(Access::Write.to_string()),
            ..LeaseRequest::of(survey.as_str())
        };
        self.issue_lease(ASK, &request).await
    }

    async fn issue_lease(
        &self,
        operation: &'static str,
        request: &LeaseRequest,
    ) -> Result<GrantedLease, ClientError> {
        let body = serde_json::to_value(request)
            .map_err(|error| self.unexpected(operation, &error.to_string()))?;
        let answer = self
            .as_person(operation, Method::POST, &["leases"], Some(&body))
            .await?;
        let issued: IssuedLease = self.json(operation, &answer)?;
        Ok(issued.into())
    }

    /// Keeps the credentials of that lease no longer, if it did.
    pub(crate) async fn forget(&self, lease: &str) -> Result<(), ClientError> {
        for name in self.folder.lease_names() {
            let path = self.folder.lease(&name);
            let is_kept = || {
                let kept: Option<Kept> = places::read(&path).ok().flatten();
                kept.is_some_and(|kept| kept.lease.id == lease)
            };
            if !is_kept() {
                continue;
            }
            let _guard = Guard::take(&self.folder.lease_lock(&name)).await?;
            if is_kept() {
                std::fs::remove_file(&path)
                    .map_err(|error| ClientError::file("remove", &path, &error))?;
            }
        }
        Ok(())
    }

    async fn is_live(&self, id: &str) -> Result<bool, ClientError> {
        let leases = self.leases().await?;
        Ok(leases
            .iter()
            .any(|lease| lease.id == id && lease.state == "live"))
    }

    /// A new lease, which is kept.
    async fn lease(&self, wish: &CredentialsRequest) -> Result<GrantedLease, ClientError> {
        let path = self.folder.lease(&wish.name());
        // Or each attempt would leave a lease behind.
        let room = places::room(&path)?;
        let asked = match &self.identity {
            Identity::Hub(token) => self.lease_by_hub(token, wish).await,
            Identity::Login | Identity::TokenFile(_) | Identity::OpenStack(_) => {
                self.lease_by_api(wish).await
            }
        };
        let GrantedLease {
            lease,
            credentials,
            place,
        } = match asked {
            Ok(granted) => granted,
            Err(error) => {
                if !error.is_outage() {
                    // Refused: what is kept is no good any more, or will not be renewed.
                    let _ = std::fs::remove_file(&path);
                }
                return Err(error);
            }
        };
        let kept = Kept {
            lease,
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
            session_token: credentials.session_token,
            place,
            seen_live: self.clock.now(),
            // Without one it is looked at before it is handed out again.
            holder: self.holder().unwrap_or_default(),
        };
        kept.write(room, &path)?;
        Ok(kept.granted())
    }

    async fn lease_by_api(&self, wish: &CredentialsRequest) -> Result<GrantedLease, ClientError> {
        const ASK: &str = "lease credentials";
        let request = LeaseRequest {
            lifetime: wish
                .lifetime
                .map(|seconds| LifetimeText::Number(seconds.into())),
            ..LeaseRequest::of(wish.survey.as_str())
        };
        self.issue_lease(ASK, &request).await
    }
}

impl CredentialsRequest {
    /// Fit for a file name: a survey's name is letters, digits and hyphens.
    fn name(&self) -> String {
        match self.lifetime {
            Some(seconds) => format!("{}.{seconds}", self.survey),
            None => self.survey.to_string(),
        }
    }
}

impl Kept {
    fn left(&self, now: Timestamp) -> SignedDuration {
        self.lease
            .expires
            .map_or(SignedDuration::MAX, |end| end.duration_since(now))
    }

    fn look_every(&self) -> SignedDuration {
        SignedDuration::from_secs(self.lease.after_removal.seen_within.clamp(1, 300))
    }

    fn granted(self) -> GrantedLease {
        GrantedLease {
            credentials: Credentials {
                access_key_id: self.access_key_id,
                secret_access_key: self.secret_access_key,
                session_token: self.session_token,
                expiration: self.lease.expires,
            },
            lease: self.lease,
            place: self.place,
        }
    }

    fn write(&self, room: Room, path: &std::path::Path) -> Result<(), ClientError> {
        let wire = KeptWire {
            lease: &self.lease,
            access_key_id: &self.access_key_id,
            secret_access_key: self.secret_access_key.expose(),
            session_token: self.session_token.as_ref().map(Secret::expose),
            place: &self.place,
            seen_live: self.seen_live,
            holder: self.holder.as_deref(),
        };
        places::fill(room, path, &wire)
    }
}
