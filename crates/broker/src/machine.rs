//! A machine that asks in somebody's name, with a token of Keystone that it got for their application
//! credential. The token says only who they are; what they may is asked of the IAM, as of everybody.
//!
//! Not every token says who somebody is. One that Keystone gives for a signature (`ec2credential`) may come
//! of a presigned URL that leaked (CVE-2025-65073); one made with a password or a login at the IAM has all
//! the rights of a person, and belongs in nobody else's hands, ours included. So what counts is a token that
//! was made with an application credential and with nothing else, by its methods, and a restricted one: it
//! cannot make others. And since whoever made it gave away a part of their rights, to read, it only reads.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use moka::future::Cache;
use skykey_types::{Access, Secret, SignedDuration, SubjectId, Timestamp};

use crate::database::Audit;
use crate::{Broker, Caller, Denied, Issued, KeystoneToken, LeaseRequest};

/// No token of Keystone comes near.
const LONGEST: usize = 4096;
const METHOD: &str = "application_credential";

/// A machine, in its owner's name. The broker makes it, and only of a token that counts.
#[derive(Debug, Clone)]
pub struct Machine {
    owner: Caller,
    keystone_user: String,
    application_credential: String,
    expires: Timestamp,
}

impl Machine {
    /// Whose it is.
    pub fn owner(&self) -> &Caller {
        &self.owner
    }
}

/// Why a token of Keystone does not count.
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

/// Machines that Keystone has vouched for, for a short while, by the SHA-256 of their token.
pub(crate) type KnownMachines = Cache<[u8; 32], Arc<Machine>>;

pub(crate) fn known_machines(kept: SignedDuration) -> KnownMachines {
    let kept = Duration::try_from(kept).unwrap_or(Duration::ZERO);
    Cache::builder()
        .max_capacity(10_000)
        .time_to_live(kept)
        .build()
}

impl Broker {
    /// Whether tokens of Keystone are taken at all.
    pub fn takes_machines(&self) -> bool {
        self.machines.is_some()
    }

    /// Whose machine shows this token of Keystone. A refusal that names a user is in the audit: somebody
    /// may be trying what they found.
    pub async fn machine(&self, token: &Secret) -> Result<Arc<Machine>, Denied> {
        let Some(keystone) = &self.machines else {
            return Err(NotAMachine::NotTaken.into());
        };
        let text = token.expose();
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(NotAMachine::Unknown.into());
        }
        let key: [u8; 32] = digest(&SHA256, text.as_bytes())
            .as_ref()
            .try_into()
            .expect("a SHA-256 has 32 bytes");
        let now = self.clock.now();
        if let Some(known) = self.known_machines.get(&key).await
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
                        id: self.people.subject(sub),
                        username: shown.user_name.clone(),
                        iam_token: None,
                    },
                    application_credential: application_credential.to_owned(),
                    keystone_user: shown.user_id.clone(),
                    expires: shown.expires,
                });
                self.known_machines.insert(key, machine.clone()).await;
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
                let audit = Audit::no(now, &nobody, "machine", &denied);
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
    ) -> Result<Issued, Denied> {
        let caller = machine.owner();
        if request.access == Access::Write {
            let denied = Denied::MachinesRead;
            let audit = Audit {
                survey: Some(request.survey.to_string()),
                ..Audit::no(self.clock.now(), caller, "issue", &denied)
            };
            self.database.audit(&audit).await?;
            return Err(denied);
        }
        let issued = self.issue(caller, request).await?;
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
            })
            .await?;
        Ok(issued)
    }
}

/// Whose `sub` it stands for, and by which application credential; or why it does not count.
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
