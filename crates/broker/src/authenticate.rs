//! Who signs a request at the S3 endpoint, and what they may do.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use skykey_types::{
    Access, AccessKeyId, Lease, LeaseId, Limit, Method, RequestId, Rights, Secret, SignedDuration,
    SubjectId, SurveyName, Timestamp,
};

use crate::database::LeaseRecord;
use crate::issue::lease_audit;
use crate::{Broker, Denied};

/// How many EC2 credentials are cached.
const MAX_KNOWN_EC2: u64 = 10_000;

/// A cache of what Keystone said about EC2 credentials.
pub(crate) struct KnownEc2(Cache<AccessKeyId, Arc<Principal>>);

impl KnownEc2 {
    /// Makes a cache whose entries expire after `ttl`.
    pub(crate) fn new(ttl: SignedDuration) -> Self {
        let ttl = Duration::try_from(ttl).unwrap_or(Duration::ZERO);
        let cache = Cache::builder()
            .max_capacity(MAX_KNOWN_EC2)
            .time_to_live(ttl)
            .build();
        Self(cache)
    }

    /// Forgets a credential whose lease was revoked.
    pub(crate) async fn forget(&self, key: &AccessKeyId) {
        self.0.invalidate(key).await;
    }
}

/// The owner of the key that signs a request.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The lease that the key belongs to.
    pub lease: LeaseId,
    /// Whose it is.
    pub subject: SubjectId,
    /// Their login name, for the log.
    pub username: String,
    /// The survey that it opens.
    pub survey: SurveyName,
    /// How far.
    pub access: Access,
    /// What it may do.
    pub rights: Rights,
    /// What requests are signed with.
    pub secret_access_key: Secret,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// What kind of key it is.
    pub kind: Kind,
    /// It is skykey itself that tries what the credentials can do: a refusal is as it should be.
    pub trying: bool,
}

/// The two kinds of key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A long-lived EC2 credential.
    Ec2 {
        /// The Keystone user that owns it.
        keystone_user: String,
        /// Whether that is the backend user, which acts for others and is in no group.
        backend: bool,
    },
    /// Temporary credentials.
    Session,
}

impl Broker {
    /// Who the key is: a session token's owner, or, without a token, an EC2 credential's. The
    /// caller still has to verify the signature with the secret.
    pub async fn authenticate(
        &self,
        key: &AccessKeyId,
        token: Option<&str>,
        request_id: &RequestId,
    ) -> Result<Arc<Principal>, Denied> {
        let principal = if let Some(token) = token {
            let session = self.session(key, token)?;
            self.check_session(&session, request_id).await?;
            Arc::new(session)
        } else {
            self.revocations.check(&LeaseId::of(key))?;
            self.known_ec2
                .0
                .try_get_with(key.clone(), self.ec2_owner(key, request_id))
                .await
                .map_err(|denied| Arc::try_unwrap(denied).unwrap_or_else(|shared| same(&shared)))?
        };
        match principal.expires {
            Some(end) if end <= self.clock.now() => Err(Denied::Expired(end)),
            _ => Ok(principal),
        }
    }

    /// Opens a session token, without a look-up.
    fn session(&self, key: &AccessKeyId, token: &str) -> Result<Principal, Denied> {
        let opened = self.tokens.open(key, token)?;
        let trying = self.proofs.is_trying(&opened.lease);
        Ok(Principal {
            lease: opened.lease,
            subject: opened.claims.subject,
            username: opened.claims.username,
            survey: opened.claims.survey,
            access: opened.claims.access,
            rights: opened.claims.rights,
            secret_access_key: opened.secret_access_key,
            expires: Some(opened.claims.expiration),
            kind: Kind::Session,
            trying,
        })
    }

    /// Asks Keystone whose EC2 credential it is, and the IAM whether that person is (still) in the
    /// survey's group. One that the person made in OpenStack becomes a lease the first time it is
    /// seen, so that the membership watch knows of it.
    async fn ec2_owner(
        &self,
        key: &AccessKeyId,
        request_id: &RequestId,
    ) -> Result<Arc<Principal>, Denied> {
        let keystone = |error| Denied::port("Keystone", error);
        let identity = self
            .ec2
            .identify(key)
            .await
            .map_err(keystone)?
            .ok_or(Denied::NoSuchKey)?;
        let (survey, access) = self
            .surveys
            .of_project(&identity.project)
            .ok_or_else(|| Denied::NoSurveyOfProject(identity.project.clone()))?;
        let backend = self
            .ec2
            .is_backend(&identity.user_id)
            .await
            .map_err(keystone)?;
        let id = LeaseId::of(key);
        let mut principal = Principal {
            lease: id.clone(),
            subject: SubjectId {
                issuer: "keystone".to_owned(),
                sub: identity.user_id.clone(),
            },
            username: identity.user_name,
            survey: survey.name.clone(),
            access,
            rights: survey.rights(access),
            secret_access_key: identity.secret,
            expires: None,
            kind: Kind::Ec2 {
                keystone_user: identity.user_id.clone(),
                backend,
            },
            // Nobody else has it.
            trying: backend,
        };
        if backend {
            return Ok(Arc::new(principal));
        }
        // A Keystone user whom the IAM does not know belongs to no group.
        let sub = identity
            .sub
            .ok_or_else(|| Denied::NoAccount(principal.username.clone()))?;
        let subject = self.membership.people.subject(&sub);
        let person = self
            .membership
            .active(&subject, &principal.username, None)
            .await?;
        self.membership.check(&person, survey, access)?;
        principal.subject = subject;
        principal.username = person.username;
        let new = Lease {
            id,
            subject: principal.subject.clone(),
            username: principal.username.clone(),
            survey: survey.name.clone(),
            access,
            method: Method::Ec2,
            access_key_id: key.clone(),
            asked: None,
            limit: if person.account_end.is_some() {
                Limit::AccountEnd
            } else {
                Limit::Revocation
            },
            issued: self.clock.now(),
            expires: person.account_end,
            revoked: None,
        };
        let lease = self
            .known_or_adopted(new, identity.user_id, request_id)
            .await?;
        principal.expires = lease.expires;
        Ok(Arc::new(principal))
    }

    /// Returns the lease of an EC2 credential; `new`, written now, if it has none. Another process may
    /// have seen the credential at the same moment, or revoked its lease.
    async fn known_or_adopted(
        &self,
        new: Lease,
        keystone_user: String,
        request_id: &RequestId,
    ) -> Result<Lease, Denied> {
        let new = LeaseRecord {
            lease: new,
            keystone_user: Some(keystone_user),
        };
        let mut known = self.database.lease(&new.lease.id).await?;
        if known.is_none() {
            let audit = lease_audit("adopt", &new.lease, request_id);
            known = self.database.adopt_lease(&new, &audit).await?;
        }
        let Some(LeaseRecord { lease, .. }) = known else {
            self.recorded("adopt", &new.lease);
            return Ok(new.lease);
        };
        match lease.revoked {
            Some((at, why)) => Err(self.revocations.denied(at, why)),
            None => Ok(lease),
        }
    }
}

/// Several requests waited for one answer, which was no: each gets the same words.
fn same(shared: &Denied) -> Denied {
    match shared {
        Denied::NoSuchKey => Denied::NoSuchKey,
        Denied::NoSurveyOfProject(project) => Denied::NoSurveyOfProject(project.clone()),
        Denied::NoAccount(who) => Denied::NoAccount(who.clone()),
        Denied::NotAMember {
            username,
            survey,
            access,
            groups,
            join_at,
        } => Denied::NotAMember {
            username: username.clone(),
            survey: survey.clone(),
            access: *access,
            groups: groups.clone(),
            join_at: join_at.clone(),
        },
        Denied::Revoked { at, why, join_at } => Denied::Revoked {
            at: *at,
            why: *why,
            join_at: join_at.clone(),
        },
        Denied::Away { system, why } => Denied::Away {
            system,
            why: why.clone(),
        },
        other => Denied::Upstream {
            system: "skykey",
            why: other.to_string(),
        },
    }
}
