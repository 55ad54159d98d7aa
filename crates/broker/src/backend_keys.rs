//! The backend user's EC2 credentials: one for each survey and access, sealed at rest, never shown,
//! never used to presign.
//!
//! On Ceph the first request with an EC2 credential in 300 s takes half a second, and only two a
//! second get through; later ones take milliseconds. So a credential that is not warm is exchanged
//! by one task, while the others wait for it: a burst of a thousand leases makes one slow request.

mod upkeep;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_seal::{KeyRing, Purpose};
use skykey_types::{AccessKeyId, Clock, Credentials, ProjectName, Secret, Timestamp, lock};
use tokio::time::Instant;

use crate::database::{BackendKey, Database};
use crate::token_request::TokenRequest;
use crate::{BackendSettings, Denied, Ec2Credential, Ec2Keys, Exchange, PortError};

const PURPOSE: Purpose = Purpose("backend-key");

/// The backend user's EC2 credentials.
pub(crate) struct BackendKeys {
    pub(crate) ec2: Arc<dyn Ec2Keys>,
    pub(crate) exchange: Arc<dyn Exchange>,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) at_rest: Arc<KeyRing>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: BackendSettings,
    pub(crate) cache: Cache,
}

/// What is in memory.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    slots: Mutex<HashMap<ProjectName, Arc<Slot>>>,
    strays_swept: Mutex<Option<Timestamp>>,
}

/// The credential for one project.
#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    /// Held by the task that makes, warms or replaces the credential. In it: its last failure.
    gate: tokio::sync::Mutex<Option<(Instant, Failure)>>,
}

#[derive(Debug, Default)]
struct State {
    /// The credential, and until when a request with it is quick.
    warm: Option<(Ec2Credential, Timestamp)>,
    /// When a lease last needed it, in this process.
    used: Option<Timestamp>,
}

/// A system's failure, shared by all tasks that waited.
#[derive(Debug, Clone)]
struct Failure {
    system: &'static str,
    error: PortError,
}

impl From<Failure> for Denied {
    fn from(Failure { system, error }: Failure) -> Self {
        Self::port(system, error)
    }
}

impl Slot {
    /// Returns the credential, if a request with it is quick now.
    fn warm(&self, now: Timestamp) -> Option<Ec2Credential> {
        let state = lock(&self.state);
        let (key, until) = state.warm.as_ref()?;
        (now < *until).then(|| key.clone())
    }

    fn used(&self) -> Option<Timestamp> {
        lock(&self.state).used
    }

    /// Forgets the credential; the next task takes it from the database.
    fn cool(&self) {
        lock(&self.state).warm = None;
    }
}

impl BackendKeys {
    fn slot(&self, project: &ProjectName) -> Arc<Slot> {
        lock(&self.cache.slots)
            .entry(project.clone())
            .or_default()
            .clone()
    }

    /// Notes that a lease needs the credential for `project`, so that it is kept warm for a while.
    pub(crate) fn note_use(&self, project: &ProjectName) {
        lock(&self.slot(project).state).used = Some(self.clock.now());
    }

    /// Returns temporary credentials of the backend user in `project`. A credential that was deleted
    /// at Keystone is made anew, once.
    pub(crate) async fn exchange(
        &self,
        project: &ProjectName,
        request: &TokenRequest<'_>,
    ) -> Result<Credentials, Denied> {
        let slot = self.slot(project);
        let Some(key) = slot.warm(self.clock.now()) else {
            return self.warm_up(project, &slot, request, None).await;
        };
        match request.send(&*self.exchange, &key).await {
            Ok(credentials) => Ok(credentials),
            Err(PortError::BadKey(why)) => {
                tracing::warn!(%project, %why, "the backend user's EC2 credential is no good any more");
                self.warm_up(project, &slot, request, Some(key.access))
                    .await
            }
            Err(error) => Err(Denied::port("STS", error)),
        }
    }

    /// Returns the credential for `project` itself, to prove what it can do.
    pub(crate) async fn credential(&self, project: &ProjectName) -> Result<Ec2Credential, Denied> {
        let slot = self.slot(project);
        if let Some(key) = slot.warm(self.clock.now()) {
            return Ok(key);
        }
        let _gate = slot.gate.lock().await;
        self.stored_or_made(project, None).await
    }

    /// Exchanges a credential that is not warm: one task at a time.
    async fn warm_up(
        &self,
        project: &ProjectName,
        slot: &Slot,
        request: &TokenRequest<'_>,
        mut refused: Option<AccessKeyId>,
    ) -> Result<Credentials, Denied> {
        let came = Instant::now();
        let mut gate = slot.gate.lock().await;
        if let Some(key) = slot.warm(self.clock.now())
            && refused.as_ref() != Some(&key.access)
        {
            // Another task warmed it while this one waited.
            drop(gate);
            return request
                .send(&*self.exchange, &key)
                .await
                .map_err(|error| Denied::port("STS", error));
        }
        // A task that waited shares the failure: otherwise all of them would wait for a system that
        // hangs, one after the other.
        if let Some((at, failure)) = &*gate
            && *at >= came
        {
            return Err(failure.clone().into());
        }
        let first_try = refused.is_none();
        loop {
            let key = self.stored_or_made(project, refused.as_ref()).await?;
            let begun = self.clock.now();
            let error = match request.send(&*self.exchange, &key).await {
                Ok(credentials) => {
                    lock(&slot.state).warm = Some((key, begun + self.settings.warm_for));
                    *gate = None;
                    return Ok(credentials);
                }
                Err(error) => error,
            };
            slot.cool();
            if matches!(error, PortError::BadKey(_)) && first_try && refused.is_none() {
                tracing::warn!(%project, %error, "the backend user's EC2 credential was refused; making a new one");
                refused = Some(key.access);
                continue;
            }
            let failure = Failure {
                system: "STS",
                error,
            };
            *gate = Some((Instant::now(), failure.clone()));
            return Err(failure.into());
        }
    }

    /// Returns the credential for `project`. It is made if there is none, or if the one there is is
    /// `refused` or does not open. The caller holds the gate.
    async fn stored_or_made(
        &self,
        project: &ProjectName,
        refused: Option<&AccessKeyId>,
    ) -> Result<Ec2Credential, Denied> {
        let stored = self.database.backend_key(project).await?;
        if let Some(key) = &stored
            && refused != Some(&key.access)
            && let Some(opened) = self.open(project, key)
        {
            return Ok(opened);
        }
        let old = stored.map(|key| key.access);
        if let Some(old) = &old {
            self.ec2
                .delete_backend(project, old)
                .await
                .map_err(|error| Denied::port("Keystone", error))?;
        }
        if let Some(made) = self.make(project, old.as_ref()).await? {
            return Ok(made);
        }
        // Another process made one at the same moment.
        let stored = self.database.backend_key(project).await?;
        stored
            .and_then(|key| self.open(project, &key))
            .ok_or_else(|| Denied::Away {
                system: "Keystone",
                why: format!("the EC2 credential for {project} is being replaced"),
            })
    }

    /// Returns a stored credential, unless it was sealed with another key ring.
    fn open(&self, project: &ProjectName, key: &BackendKey) -> Option<Ec2Credential> {
        let bound = bound(project, &key.access);
        let secret = self.at_rest.open(PURPOSE, &bound, &key.sealed).ok()?;
        Some(Ec2Credential {
            secret: Secret::new(std::str::from_utf8(&secret).ok()?),
            access: key.access.clone(),
            user_id: key.user_id.clone(),
        })
    }

    /// Makes a credential and stores it in place of `old`. Returns `None` if another process replaced
    /// that first: then the new one is deleted again.
    async fn make(
        &self,
        project: &ProjectName,
        old: Option<&AccessKeyId>,
    ) -> Result<Option<Ec2Credential>, Denied> {
        let made = self
            .ec2
            .create_for_backend(project)
            .await
            .map_err(|error| Denied::port("Keystone", error))?;
        let now = self.clock.now();
        let new = BackendKey {
            sealed: self.at_rest.seal(
                PURPOSE,
                &bound(project, &made.access),
                made.secret.expose().as_bytes(),
            ),
            access: made.access.clone(),
            user_id: made.user_id.clone(),
            created: now,
            used: now,
        };
        let stored = self.database.replace_backend_key(project, old, &new).await;
        if !matches!(stored, Ok(true)) {
            // It was never used, and nobody would find it again.
            self.delete(project, &made.access).await;
        }
        Ok(stored?.then_some(made))
    }

    /// Deletes a credential at Keystone. One that stays behind is found by the next sweep for strays.
    async fn delete(&self, project: &ProjectName, access: &AccessKeyId) {
        if let Err(error) = self.ec2.delete_backend(project, access).await {
            tracing::warn!(%project, %access, %error, "an EC2 credential of the backend user stayed behind; trying again later");
        }
    }
}

/// Returns what a sealed secret is bound to. Neither name can contain a newline.
fn bound(project: &ProjectName, access: &AccessKeyId) -> Vec<u8> {
    format!("{project}\n{access}").into_bytes()
}
