//! An IAM as the broker's [`People`]: by SCIM with the client's own token, or, where there is none, by
//! userinfo with the person's.
//!
//! A person's refresh token is kept from their last login at the portal, sealed. Somebody who only
//! ever brought an access token to the API can be asked about while they bring one; the watch gets no
//! answer about them, and their leases end by themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use skykey_iam::{Iam, IamError, MembershipSource};
use skykey_seal::{KeyRing, Purpose};
use skykey_types::{Clock, Person, Secret, SignedDuration, SubjectId, Timestamp};

use crate::{Database, DatabaseError, People, PortError};

const PURPOSE: Purpose = Purpose("refresh-token");
/// An access token with less left is renewed first.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// The IAM, and what people left with us to ask it.
pub struct IamPeople {
    iam: Arc<Iam>,
    database: Database,
    at_rest: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    /// Access tokens from renewals, in memory only. A lock for each person, since renewing a login
    /// twice at once ends it.
    renewed: Mutex<HashMap<SubjectId, Arc<Renewed>>>,
}

type Renewed = tokio::sync::Mutex<Option<(Secret, Timestamp)>>;

impl IamPeople {
    /// `at_rest` seals the refresh tokens in `database`.
    pub fn new(
        iam: Arc<Iam>,
        database: Database,
        at_rest: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            iam,
            database,
            at_rest,
            clock,
            renewed: Mutex::default(),
        }
    }

    async fn by_userinfo(
        &self,
        id: &SubjectId,
        brought: Option<&Secret>,
    ) -> Result<Option<Person>, PortError> {
        if let Some(token) = brought {
            match self.iam.person_by_userinfo(id, token).await {
                // It has ended; there may be a refresh token.
                Err(IamError::Token { .. }) => {}
                outcome => return outcome.map_err(|error| away(&error)),
            }
        }
        let renewed = self
            .renewed
            .lock()
            .expect("nobody panics while holding it")
            .entry(id.clone())
            .or_default()
            .clone();
        let mut renewed = renewed.lock().await;
        if let Some((token, until)) = &*renewed
            && self.clock.now() + MARGIN < *until
        {
            match self.iam.person_by_userinfo(id, token).await {
                // Revoked before its time; only the refresh token can tell why.
                Err(IamError::Token { .. }) => *renewed = None,
                outcome => return outcome.map_err(|error| away(&error)),
            }
        }
        let Some(refresh_token) = self.kept(id).await? else {
            return Err(PortError::Refused(
                "this IAM has no SCIM, and the person is not logged in at the portal".to_owned(),
            ));
        };
        let refreshed = match self.iam.refresh(&refresh_token).await {
            Ok(refreshed) => refreshed,
            Err(IamError::NoLongerVouched) => {
                self.database
                    .forget_login(id)
                    .await
                    .map_err(|error| database(&error))?;
                return Ok(None);
            }
            Err(error) => return Err(away(&error)),
        };
        // The old one is spent: keep the new one before anything else can fail.
        if let Some(next) = &refreshed.refresh_token {
            self.keep_login(id, next).await?;
        }
        let token = refreshed.access_token.clone();
        *renewed = Some((refreshed.access_token, refreshed.expires));
        self.iam
            .person_by_userinfo(id, &token)
            .await
            .map_err(|error| away(&error))
    }

    async fn kept(&self, id: &SubjectId) -> Result<Option<Secret>, PortError> {
        let sealed = self
            .database
            .login(id)
            .await
            .map_err(|error| database(&error))?;
        // One that does not open is none: the key ring was replaced.
        Ok(sealed
            .and_then(|sealed| self.at_rest.open(PURPOSE, &bound(id), &sealed).ok())
            .and_then(|plain| std::str::from_utf8(&plain).map(Secret::new).ok()))
    }
}

#[async_trait]
impl People for IamPeople {
    async fn person(
        &self,
        id: &SubjectId,
        brought: Option<&Secret>,
    ) -> Result<Option<Person>, PortError> {
        if id.issuer != self.iam.issuer() {
            return Ok(None);
        }
        let source = self
            .iam
            .membership_source()
            .await
            .map_err(|error| away(&error))?;
        match source {
            MembershipSource::Userinfo => self.by_userinfo(id, brought).await,
            MembershipSource::Auto | MembershipSource::Scim => {
                self.iam.person(&id.sub).await.map_err(|error| away(&error))
            }
        }
    }

    async fn keep_login(&self, id: &SubjectId, refresh_token: &Secret) -> Result<(), PortError> {
        let sealed = self
            .at_rest
            .seal(PURPOSE, &bound(id), refresh_token.expose().as_bytes());
        self.database
            .keep_login(id, &sealed, self.clock.now())
            .await
            .map_err(|error| database(&error))
    }

    fn subject(&self, sub: &str) -> SubjectId {
        SubjectId {
            issuer: self.iam.issuer().to_owned(),
            sub: sub.to_owned(),
        }
    }
}

/// Whatever the failure, it is not an answer to "is this person a member?".
fn away(error: &IamError) -> PortError {
    PortError::Away(error.to_string())
}

fn database(error: &DatabaseError) -> PortError {
    PortError::Away(error.to_string())
}

fn bound(id: &SubjectId) -> Vec<u8> {
    // An issuer is a URL, which holds no newline.
    format!("{}\n{}", id.issuer, id.sub).into_bytes()
}
