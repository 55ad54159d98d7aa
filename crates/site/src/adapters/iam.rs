//! An IAM as the broker's [`People`]: by SCIM with the client's own token, or, where there is none, by
//! userinfo with the person's.
//!
//! A person's refresh token is kept from their last login at the portal, sealed. Somebody who only
//! ever brought an access token to the API can be asked about while they bring one; the watch gets no
//! answer about them, and their leases end by themselves. Likewise if a renewal's answer is lost: most IAMs
//! take a refresh token once, so what they say about it afterwards says nothing about the person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use skykey_broker::{Database, DatabaseError, People, PortError};
use skykey_iam::{Iam, IamError, MembershipSource};
use skykey_seal::{KeyRing, Purpose};
use skykey_types::{Clock, Person, Secret, SignedDuration, SubjectId, Timestamp, lock};
use skykey_upstream::Fault;

const PURPOSE: Purpose = Purpose("refresh-token");
/// An access token with less left is renewed first.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// The IAM, and what people left with us to ask it.
pub struct IamPeople {
    iam: Arc<Iam>,
    database: Arc<dyn Database>,
    at_rest: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    /// What renewals brought, in memory only. A lock for each person, since renewing a login twice at
    /// once ends it. It is no `SingleFlight`: callers bring tokens of their own, which are tried first.
    renewed: Mutex<HashMap<SubjectId, Arc<tokio::sync::Mutex<Renewed>>>>,
}

/// What renewing a person's login has come to.
#[derive(Default)]
struct Renewed {
    /// The access token, and when it ends.
    token: Option<(Secret, Timestamp)>,
    /// A refresh token that was sent and not answered: the IAM may have taken it, and then does not
    /// know it any more.
    in_doubt: Option<Secret>,
}

impl IamPeople {
    /// `at_rest` seals the refresh tokens in `database`.
    pub fn new(
        iam: Arc<Iam>,
        database: Arc<dyn Database>,
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
        let renewed = lock(&self.renewed).entry(id.clone()).or_default().clone();
        let mut renewed = renewed.lock().await;
        if let Some((token, until)) = &renewed.token
            && self.clock.now() + MARGIN < *until
        {
            match self.iam.person_by_userinfo(id, token).await {
                // Revoked before its time; only the refresh token can tell why.
                Err(IamError::Token { .. }) => renewed.token = None,
                outcome => return outcome.map_err(|error| away(&error)),
            }
        }
        let Some((sealed, refresh_token)) = self.kept(id).await? else {
            return Err(PortError::Refused(
                "this IAM has no SCIM, and the person is not logged in at the portal".to_owned(),
            ));
        };
        let refreshed = match self.iam.refresh(&refresh_token).await {
            Ok(refreshed) => refreshed,
            Err(IamError::NoLongerVouched) => {
                let forgot = self
                    .database
                    .forget_login(id, &sealed)
                    .await
                    .map_err(|error| database(&error))?;
                if !forgot {
                    return Err(PortError::Away(
                        "the person's login was renewed by another process; try again".to_owned(),
                    ));
                }
                if renewed.in_doubt.as_ref() == Some(&refresh_token) {
                    return Err(PortError::Refused(
                        "the IAM's answer to the last renewal of the person's login was lost, and with it \
                         the login; it is kept again from their next login at the portal"
                            .to_owned(),
                    ));
                }
                return Ok(None);
            }
            Err(error) => {
                if may_be_taken(&error) {
                    renewed.in_doubt = Some(refresh_token);
                }
                return Err(away(&error));
            }
        };
        renewed.in_doubt = None;
        // The old one is spent: keep the new one before anything else can fail.
        if let Some(next) = &refreshed.refresh_token {
            self.keep_login(id, next).await?;
        }
        let token = refreshed.access_token.clone();
        renewed.token = Some((refreshed.access_token, refreshed.expires));
        self.iam
            .person_by_userinfo(id, &token)
            .await
            .map_err(|error| away(&error))
    }

    /// Returns a person's refresh token, and as what it is stored.
    async fn kept(&self, id: &SubjectId) -> Result<Option<(Vec<u8>, Secret)>, PortError> {
        let sealed = self
            .database
            .login(id)
            .await
            .map_err(|error| database(&error))?;
        // One that does not open is none: the key ring was replaced.
        Ok(sealed.and_then(|sealed| {
            let plain = self.at_rest.open(PURPOSE, &bound(id), &sealed).ok()?;
            let token = std::str::from_utf8(&plain).map(Secret::new).ok()?;
            Some((sealed, token))
        }))
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

    async fn by_username(&self, username: &str) -> Result<Option<SubjectId>, PortError> {
        match self.iam.by_username(username).await {
            Err(IamError::NotOffered { .. }) => Err(PortError::Refused(
                "it has no SCIM to look a name up in; [jupyterhub] user = \"sub\" needs none"
                    .to_owned(),
            )),
            outcome => outcome.map_err(|error| away(&error)),
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

/// Whether the IAM may have done what it was asked, and its answer was lost.
fn may_be_taken(error: &IamError) -> bool {
    match error {
        IamError::Unreachable(Fault::LeftAlone { .. }) => false,
        IamError::Unreachable(_) | IamError::Unexpected { .. } => true,
        IamError::Refused { status, .. } => *status >= 500,
        _ => false,
    }
}

fn database(error: &DatabaseError) -> PortError {
    PortError::Away(error.to_string())
}

fn bound(id: &SubjectId) -> Vec<u8> {
    // An issuer is a URL, which holds no newline.
    format!("{}\n{}", id.issuer, id.sub).into_bytes()
}
