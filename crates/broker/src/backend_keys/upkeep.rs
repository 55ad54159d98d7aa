//! What is done in the background for the backend user's EC2 credentials: those in use are kept
//! warm, old ones replaced, unused ones and strays deleted.

use skykey_types::{
    Access, AccessKeyId, Lifetime, Limits, Method, ProjectName, SignedDuration, Survey, lock,
};

use super::BackendKeys;
use crate::token_request::TokenRequest;
use crate::{Denied, Surveys};

/// How long a credential is kept warm after a lease needed it.
const KEEP_WARM_FOR: SignedDuration = SignedDuration::from_mins(15);
/// How often strays are deleted.
const STRAYS_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// How precisely the last use is stored.
const USE_PRECISION: SignedDuration = SignedDuration::from_hours(1);
/// The session's name in the object store's log.
const SESSION: &str = "skykey";

impl BackendKeys {
    /// Looks after the credentials of all surveys once. What fails is logged, and due again in the
    /// next round.
    pub(crate) async fn upkeep(&self, surveys: &Surveys) {
        let strays = self.strays_are_due();
        for survey in surveys.iter() {
            for access in [Access::Read, Access::Write] {
                if let Err(denied) = self.keep(survey, access, strays).await {
                    tracing::warn!(survey = %survey.name, %access, %denied, "the backend user's EC2 credential could not be looked after");
                }
            }
        }
    }

    async fn keep(&self, survey: &Survey, access: Access, strays: bool) -> Result<(), Denied> {
        let project = survey.project(access);
        let slot = self.slot(project);
        let now = self.clock.now();
        if let Some(key) = self.database.backend_key(project).await? {
            let used = slot.used().map_or(key.used, |used| used.max(key.used));
            if used > key.used + USE_PRECISION {
                self.database.backend_key_used(project, used).await?;
            }
            if now.duration_since(used) >= self.settings.unused_after {
                tracing::info!(%project, "the backend user's EC2 credential was not used for long; deleting it");
                self.retire(project, &key.access).await?;
            } else if now.duration_since(key.created) >= self.settings.rotate_after {
                tracing::info!(%project, "the backend user's EC2 credential is old; replacing it");
                self.rotate(project, &key.access, &usual_request(survey, access)?)
                    .await?;
            }
        }
        if strays {
            self.sweep_strays(project).await?;
        }
        let lately = slot
            .used()
            .is_some_and(|used| now.duration_since(used) < KEEP_WARM_FOR);
        if lately && slot.warm(now).is_none() {
            let request = usual_request(survey, access)?;
            self.warm_up(project, &slot, &request, None).await?;
        }
        Ok(())
    }

    /// Replaces the credential for `project`, if it is still `old`. The new one is warmed first, so
    /// that nobody waits for it.
    async fn rotate(
        &self,
        project: &ProjectName,
        old: &AccessKeyId,
        request: &TokenRequest<'_>,
    ) -> Result<(), Denied> {
        let slot = self.slot(project);
        let _gate = slot.gate.lock().await;
        let stored = self.database.backend_key(project).await?;
        if stored.is_none_or(|stored| stored.access != *old) {
            return Ok(());
        }
        let Some(made) = self.make(project, Some(old)).await? else {
            return Ok(());
        };
        let begun = self.clock.now();
        let warm = request.send(&*self.exchange, &made).await.is_ok();
        lock(&slot.state).warm = warm.then(|| (made, begun + self.settings.warm_for));
        self.delete(project, old).await;
        Ok(())
    }

    /// Deletes the credential for `project`, if it is still `old`.
    async fn retire(&self, project: &ProjectName, old: &AccessKeyId) -> Result<(), Denied> {
        let slot = self.slot(project);
        let _gate = slot.gate.lock().await;
        if self.database.forget_backend_key(project, old).await? {
            slot.cool();
            self.delete(project, old).await;
        }
        Ok(())
    }

    /// Deletes what the backend user has in `project` beside the credential that is stored: left
    /// behind by a crash, or by an older database.
    async fn sweep_strays(&self, project: &ProjectName) -> Result<(), Denied> {
        let slot = self.slot(project);
        let _gate = slot.gate.lock().await;
        let keystone = |error| Denied::port("Keystone", error);
        let stored = self.database.backend_key(project).await?;
        let found = self
            .ec2
            .backend_credentials(project)
            .await
            .map_err(keystone)?;
        for access in found {
            if stored.as_ref().is_some_and(|key| key.access == access) {
                continue;
            }
            self.ec2
                .delete_backend(project, &access)
                .await
                .map_err(keystone)?;
            tracing::info!(%project, %access, "a stray EC2 credential of the backend user was deleted");
        }
        Ok(())
    }

    fn strays_are_due(&self) -> bool {
        let now = self.clock.now();
        let mut last = lock(&self.cache.strays_swept);
        let due = last.is_none_or(|at| now.duration_since(at) >= STRAYS_INTERVAL);
        if due {
            *last = Some(now);
        }
        due
    }
}

/// Returns the request by which the survey's leases of that access are mostly made.
fn usual_request(survey: &Survey, access: Access) -> Result<TokenRequest<'_>, Denied> {
    let by_role = !survey.methods.contains(&Method::StsLite)
        && survey.methods.contains(&Method::AssumeRole)
        && survey.roles.of(access).is_some();
    let method = if by_role {
        Method::AssumeRole
    } else {
        Method::StsLite
    };
    let lifetime = Lifetime::seconds(Limits::STS.min);
    TokenRequest::of(method, survey, access, SESSION, lifetime)
}
