//! The backend user's EC2 credentials: one for each survey and access, sealed at rest, never shown,
//! never used to presign.
//!
//! On Ceph the first request with an EC2 credential in 300 s costs half a second, and only two a second
//! get through; the others take milliseconds. So a credential that is not warm is exchanged by one
//! asker, while the others wait for it: a burst of a thousand leases makes one slow request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_seal::Purpose;
use skykey_types::{AccessKeyId, Credentials, ProjectName, Secret, Timestamp};
use tokio::time::Instant;

use crate::database::BackendKey;
use crate::exchange::Way;
use crate::{Broker, Denied, Ec2Credential, PortError};

const PURPOSE: Purpose = Purpose("backend-key");

/// Every credential that is held, by its project.
#[derive(Debug, Default)]
pub(crate) struct BackendKeys(Mutex<HashMap<ProjectName, Arc<Slot>>>);

/// The credential for one project.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    /// Held by the caller that makes, warms or replaces the credential. In it: the last failure to.
    /// It is no `SingleFlight`: the credentials that the first caller gets are its own and nobody
    /// else's, and rotation and deletion wait at the same gate.
    gate: tokio::sync::Mutex<Option<(Instant, Failure)>>,
}

#[derive(Debug, Default)]
struct State {
    warm: Option<(Ec2Credential, Timestamp)>,
    asked: Option<Timestamp>,
}

/// A system's failure, shared by all who waited.
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

impl BackendKeys {
    pub(crate) fn slot(&self, project: &ProjectName) -> Arc<Slot> {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .entry(project.clone())
            .or_default()
            .clone()
    }
}

impl Slot {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// The credential, if a request with it is quick now.
    fn warm(&self, now: Timestamp) -> Option<Ec2Credential> {
        let state = self.state();
        let (key, until) = state.warm.as_ref()?;
        (now < *until).then(|| key.clone())
    }

    /// Somebody asks for it, and not only skykey itself.
    pub(crate) fn ask(&self, now: Timestamp) {
        self.state().asked = Some(now);
    }

    /// When somebody last asked for it in this process.
    pub(crate) fn asked(&self) -> Option<Timestamp> {
        self.state().asked
    }

    pub(crate) fn is_warm(&self, now: Timestamp) -> bool {
        self.warm(now).is_some()
    }

    /// Forgets the credential; the next asker takes it from the database.
    pub(crate) fn cool(&self) {
        self.state().warm = None;
    }
}

impl Broker {
    /// Temporary credentials of the backend user in `project`. A credential that was deleted behind
    /// our back is made anew, once.
    pub(crate) async fn exchange_backend_key(
        &self,
        project: &ProjectName,
        way: &Way<'_>,
    ) -> Result<Credentials, Denied> {
        let slot = self.backend_keys.slot(project);
        let Some(key) = slot.warm(self.clock.now()) else {
            return self.warm_up(project, &slot, way, None).await;
        };
        match self.exchange(&key, way).await {
            Ok(credentials) => Ok(credentials),
            Err(PortError::BadKey(why)) => {
                tracing::warn!(%project, %why, "the backend user's EC2 credential is no good any more");
                self.warm_up(project, &slot, way, Some(key.access)).await
            }
            Err(error) => Err(Denied::port("STS", error)),
        }
    }

    /// Exchanges a credential that is not warm: one asker at a time.
    pub(crate) async fn warm_up(
        &self,
        project: &ProjectName,
        slot: &Slot,
        way: &Way<'_>,
        mut refused: Option<AccessKeyId>,
    ) -> Result<Credentials, Denied> {
        let came = Instant::now();
        let mut gate = slot.gate.lock().await;
        if let Some(key) = slot.warm(self.clock.now())
            && refused.as_ref() != Some(&key.access)
        {
            // Somebody warmed it while we waited.
            drop(gate);
            return self
                .exchange(&key, way)
                .await
                .map_err(|error| Denied::port("STS", error));
        }
        // Who came while that was under way shares its failure: otherwise everybody would wait for
        // a system that hangs, one after the other.
        if let Some((at, failure)) = &*gate
            && *at >= came
        {
            return Err(failure.clone().into());
        }
        let first_try = refused.is_none();
        loop {
            let key = self.backend_key(project, refused.as_ref()).await?;
            let begun = self.clock.now();
            let error = match self.exchange(&key, way).await {
                Ok(credentials) => {
                    slot.state().warm = Some((key, begun + self.settings.backend.warm_for));
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

    /// The credential for `project` itself, for whoever proves what it can do.
    pub(crate) async fn backend_credential(
        &self,
        project: &ProjectName,
    ) -> Result<Ec2Credential, Denied> {
        let slot = self.backend_keys.slot(project);
        if let Some(key) = slot.warm(self.clock.now()) {
            return Ok(key);
        }
        let _gate = slot.gate.lock().await;
        self.backend_key(project, None).await
    }

    /// Replaces the credential for `project` by a new one, if it is still `old`: the new one is warmed
    /// first, so that nobody waits for it.
    pub(crate) async fn rotate_backend_key(
        &self,
        project: &ProjectName,
        old: &AccessKeyId,
        way: &Way<'_>,
    ) -> Result<(), Denied> {
        let slot = self.backend_keys.slot(project);
        let _gate = slot.gate.lock().await;
        let row = self.database.backend_key(project).await?;
        if row.is_none_or(|row| row.access != *old) {
            return Ok(());
        }
        let Some(made) = self.make_backend_key(project, Some(old)).await? else {
            return Ok(());
        };
        let begun = self.clock.now();
        let warm = self.exchange(&made, way).await.is_ok();
        slot.state().warm = warm.then(|| (made, begun + self.settings.backend.warm_for));
        self.delete_backend_key(project, old).await;
        Ok(())
    }

    /// Deletes the credential for `project`, if it is still `old`.
    pub(crate) async fn retire_backend_key(
        &self,
        project: &ProjectName,
        old: &AccessKeyId,
    ) -> Result<(), Denied> {
        let slot = self.backend_keys.slot(project);
        let _gate = slot.gate.lock().await;
        if self.database.forget_backend_key(project, old).await? {
            slot.cool();
            self.delete_backend_key(project, old).await;
        }
        Ok(())
    }

    /// Deletes what the backend user has in `project` beside the credential that is kept: left behind
    /// by a crash, or by an older database.
    pub(crate) async fn sweep_strays(&self, project: &ProjectName) -> Result<usize, Denied> {
        let slot = self.backend_keys.slot(project);
        let _gate = slot.gate.lock().await;
        let keystone = |error| Denied::port("Keystone", error);
        let kept = self.database.backend_key(project).await?;
        let found = self
            .ec2
            .backend_credentials(project)
            .await
            .map_err(keystone)?;
        let mut deleted = 0;
        for access in found {
            if kept.as_ref().is_some_and(|row| row.access == access) {
                continue;
            }
            self.ec2
                .delete_backend(project, &access)
                .await
                .map_err(keystone)?;
            tracing::info!(%project, %access, "a stray EC2 credential of the backend user was deleted");
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Returns the credential for `project`. It is made if there is none, or if the one there is is
    /// `refused` or does not open. The caller holds the gate.
    async fn backend_key(
        &self,
        project: &ProjectName,
        refused: Option<&AccessKeyId>,
    ) -> Result<Ec2Credential, Denied> {
        let stored = self.database.backend_key(project).await?;
        if let Some(key) = &stored
            && refused != Some(&key.access)
            && let Some(opened) = self.open_backend_key(project, key)
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
        if let Some(made) = self.make_backend_key(project, old.as_ref()).await? {
            return Ok(made);
        }
        // Another process made one at the same moment.
        let stored = self.database.backend_key(project).await?;
        stored
            .and_then(|key| self.open_backend_key(project, &key))
            .ok_or_else(|| Denied::Away {
                system: "Keystone",
                why: format!("the EC2 credential for {project} is being replaced"),
            })
    }

    /// Returns a stored credential, unless it was sealed with another key ring.
    fn open_backend_key(&self, project: &ProjectName, key: &BackendKey) -> Option<Ec2Credential> {
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
    async fn make_backend_key(
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
        match self.database.replace_backend_key(project, old, &new).await {
            Ok(true) => Ok(Some(made)),
            // Neither will ever be used, and nobody would find it again.
            Ok(false) => {
                self.delete_backend_key(project, &made.access).await;
                Ok(None)
            }
            Err(error) => {
                self.delete_backend_key(project, &made.access).await;
                Err(error.into())
            }
        }
    }

    /// Deletes one at Keystone; what fails is found by the next sweep for strays.
    async fn delete_backend_key(&self, project: &ProjectName, access: &AccessKeyId) {
        if let Err(error) = self.ec2.delete_backend(project, access).await {
            tracing::warn!(%project, %access, %error, "an EC2 credential of the backend user stayed behind; trying again later");
        }
    }
}

fn bound(project: &ProjectName, access: &AccessKeyId) -> Vec<u8> {
    // Neither name can hold a newline.
    format!("{project}\n{access}").into_bytes()
}
