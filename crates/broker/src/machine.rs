//! A machine that acts for a person, with a token that Keystone gave it for the person's application
//! credential. The token says only who the person is; the IAM says what they may, as for everybody.
//!
//! Not every token of Keystone is accepted. One that Keystone gives for a signature
//! (`ec2credential`) may come from a presigned URL that leaked (CVE-2025-65073). One made with a
//! password or a login at the IAM has all the rights of a person, and nobody else should have it. So
//! only a token that was made with an application credential and nothing else, by its methods, is
//! accepted, and only of a restricted credential, which cannot make others. The person gave away a
//! part of their rights: a machine only reads.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use moka::future::Cache;
use skykey_types::{Access, RequestId, Secret, SignedDuration, SubjectId, Timestamp};

use crate::database::Audit;
use crate::{Broker, Caller, Denied, Issued, KeystoneToken, KeystoneTokens, LeaseRequest};

/// Longest token that is sent to Keystone. Its own are much shorter.
const MAX_TOKEN_BYTES: usize = 4096;
/// How many tokens are cached.
const MAX_KNOWN_TOKENS: u64 = 10_000;
const METHOD: &str = "application_credential";

/// A machine that acts for its owner. Only the broker makes one, from a token that is accepted.
#[derive(Debug, Clone)]
pub struct Machine {
    owner: Caller,
    keystone_user: String,
    application_credential: String,
    expires: Timestamp,
}

impl Machine {
    /// Returns the person for whom it acts.
    pub fn owner(&self) -> &Caller {
        &self.owner
    }
}

/// Why a token of Keystone is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMachine {
    /// The site does not take them.
    #[error("this portal takes no tokens of Keystone")]
    NotTaken,
    /// Keystone does not stand by it.
    #[error(
        "Keystone does not stand by this token: it has ended, was revoked or never was, or its application \
         credential has access rules"
    )]
    Unknown,
    /// It was made with something else, or with something else too.
    #[error(
        "the token of Keystone was made with {0}, and only one made with an application credential counts"
    )]
    MadeOtherwise(String),
    /// The application credential could make others.
    #[error("the application credential is not a restricted one: its token could make others")]
    Unrestricted,
    /// A local user, another identity provider's, or several people's.
    #[error("the user {0} did not come to Keystone by this site's IAM")]
    NotOfTheIam(String),
    /// The user may not log in.
    #[error("the user {0} is disabled in Keystone")]
    Disabled(String),
}

impl NotAMachine {
    /// What can be done now.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NotTaken => "send 'Authorization: Bearer …' with an access token of the IAM",
            Self::Unknown => "log in at Keystone again with the application credential",
            Self::MadeOtherwise(_) => {
                "make one with 'openstack application credential create', and log in with it"
            }
            Self::Unrestricted => "make one without --unrestricted",
            Self::NotOfTheIam(_) => {
                "log in to OpenStack by the IAM, and make the application credential there"
            }
            Self::Disabled(_) => "ask the cloud's operators about the user",
        }
    }
}

/// Keystone as far as it says whose a token is, and a cache of its answers by the token's SHA-256.
pub(crate) struct Machines {
    /// `None` if the site accepts no tokens of Keystone.
    keystone: Option<Arc<dyn KeystoneTokens>>,
    known: Cache<[u8; 32], Arc<Machine>>,
}

impl Machines {
    /// Caches answers for `ttl`.
    pub(crate) fn new(keystone: Option<Arc<dyn KeystoneTokens>>, ttl: SignedDuration) -> Self {
        let ttl = Duration::try_from(ttl).unwrap_or(Duration::ZERO);
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN_TOKENS)
            .time_to_live(ttl)
            .build();
        Self { keystone, known }
    }
}

impl Broker {
    /// Whether tokens of Keystone are accepted at all.
    pub fn takes_machines(&self) -> bool {
        self.machines.keystone.is_some()
    }

    /// Returns the machine that this token of Keystone belongs to. A refusal that names a user is in the
    /// audit: somebody may be trying a token that they found.
    pub async fn machine(
        &self,
        token: &Secret,
        request_id: &RequestId,
    ) -> Result<Arc<Machine>, Denied> {
        let Some(keystone) = &self.machines.keystone else {
            return Err(NotAMachine::NotTaken.into());
        };
        let text = token.expose();
        if text.is_empty()
            || text.len() > MAX_TOKEN_BYTES
            || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(NotAMachine::Unknown.into());
        }
        let key: [u8; 32] = digest(&SHA256, text.as_bytes())
            .as_ref()
            .try_into()
            .expect("a SHA-256 has 32 bytes");
        let now = self.clock.now();
        if let Some(known) = self.machines.known.get(&key).await
            && known.expires > now
        {
            return Ok(known);
        }
        let shown = keystone
            .shown(token)
            .await
            .map_err(|error| Denied::port("Keystone", error))?
            .filter(|shown| shown.expires > now)
            .ok_or(NotAMachine::Unknown)?;
        match judged(&shown) {
            Ok((sub, application_credential)) => {
                let machine = Arc::new(Machine {
                    owner: Caller {
                        id: self.membership.people.subject(sub),
                        username: shown.user_name.clone(),
                        iam_token: None,
                    },
                    application_credential: application_credential.to_owned(),
                    keystone_user: shown.user_id.clone(),
                    expires: shown.expires,
                });
                self.machines.known.insert(key, machine.clone()).await;
                Ok(machine)
            }
            Err(why) => {
                let denied = Denied::from(why);
                tracing::warn!(user = shown.user_id, username = shown.user_name, %denied, "token of Keystone refused");
                let nobody = Caller {
                    id: SubjectId {
                        issuer: "keystone".to_owned(),
                        sub: shown.user_id,
                    },
                    username: shown.user_name,
                    iam_token: None,
                };
                let audit = Audit::no(now, &nobody, "machine", &denied, request_id);
                self.database.audit(&audit).await?;
                Err(denied)
            }
        }
    }

    /// Issues a lease to a machine, by the rules for its owner; but to read only, whatever they may. The
    /// audit says which application credential it was.
    pub async fn issue_to_machine(
        &self,
        machine: &Machine,
        request: &LeaseRequest,
        request_id: &RequestId,
    ) -> Result<Issued, Denied> {
        let caller = machine.owner();
        if request.access == Access::Write {
            let denied = Denied::MachinesRead;
            let audit = Audit {
                survey: Some(request.survey.to_string()),
                ..Audit::no(self.clock.now(), caller, "issue", &denied, request_id)
            };
            self.database.audit(&audit).await?;
            return Err(denied);
        }
        let issued = self.issue(caller, request, request_id).await?;
        let lease = &issued.lease;
        let Machine {
            keystone_user,
            application_credential,
            ..
        } = machine;
        tracing::info!(lease = %lease.id, keystone_user, application_credential, "leased by a machine");
        self.database
            .audit(&Audit {
                at: lease.issued,
                subject: lease.subject.clone(),
                username: lease.username.clone(),
                action: "machine",
                yes: true,
                reason: format!(
                    "application credential {application_credential} of the Keystone user {keystone_user}"
                ),
                survey: Some(lease.survey.to_string()),
                method: Some(lease.method.to_string()),
                lease: Some(lease.id.clone()),
                request_id: Some(request_id.clone()),
            })
            .await?;
        Ok(issued)
    }
}

/// Returns the owner's `sub` and the application credential, or why the token is not accepted.
fn judged(shown: &KeystoneToken) -> Result<(&str, &str), NotAMachine> {
    let (methods, credential) = (&shown.methods, &shown.application_credential);
    let Some((credential, restricted)) = credential.as_ref().filter(|_| *methods == [METHOD])
    else {
        let words = match &methods[..] {
            // Keystone forgets methods that it is not configured for: so with old ones' signatures.
            [] => "something that Keystone does not name".to_owned(),
            methods => methods.join(" and ").chars().take(80).collect(),
        };
        return Err(NotAMachine::MadeOtherwise(words));
    };
    if !restricted {
        return Err(NotAMachine::Unrestricted);
    }
    if !shown.enabled {
        return Err(NotAMachine::Disabled(shown.user_name.clone()));
    }
    let sub = shown.sub.as_deref().filter(|sub| !sub.is_empty());
    let sub = sub.ok_or_else(|| NotAMachine::NotOfTheIam(shown.user_name.clone()))?;
    Ok((sub, credential))
}
