//! What is done in the background for the backend user's EC2 credentials and the proofs.

use std::sync::Arc;
use std::time::Duration;

use skykey_types::{Access, Lifetime, Limits, Method, SignedDuration, Survey};
use tokio::sync::watch;

use crate::exchange::Way;
use crate::{Broker, Denied};

/// How often it is looked whether something is due.
const EVERY: Duration = Duration::from_secs(5);
/// A credential is kept warm for as long after somebody asked for it.
const WARM_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// How often strays are swept.
const STRAYS_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// The name of what is done for nobody in particular, in the store's log.
const SESSION: &str = "skykey";

impl Broker {
    /// Looks after the backend user's EC2 credentials and the proofs until `stop` turns true.
    pub async fn upkeep(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            self.upkeep_once().await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                changed = stop.wait_for(|stop| *stop) => {
                    let _ = changed; // the sender is gone: stop, too
                    return;
                }
            }
        }
    }

    /// One round: keeps credentials warm that are asked for, replaces old ones, deletes unused ones and
    /// strays, looks whether the administrator is let in, and proves again what is due. What fails is logged and
    /// due again at the next round.
    pub async fn upkeep_once(&self) {
        self.look_at_administrator().await;
        let strays = self.strays_are_due();
        for survey in self.surveys.iter() {
            for access in [Access::Read, Access::Write] {
                if let Err(denied) = self.keep(survey, access, strays).await {
                    tracing::warn!(survey = %survey.name, %access, %denied, "the backend user's EC2 credential could not be looked after");
                }
            }
        }
        self.prove_again().await;
    }

    async fn keep(&self, survey: &Survey, access: Access, strays: bool) -> Result<(), Denied> {
        let project = survey.project(access);
        let slot = self.backend_keys.slot(project);
        let now = self.clock.now();
        let backend = &self.settings.backend;
        if let Some(row) = self.database.backend_key(project).await? {
            let access_key = row.access;
            let asked = slot.asked().map_or(row.used, |asked| asked.max(row.used));
            if asked > row.used + SignedDuration::from_hours(1) {
                self.database.backend_key_used(project, asked).await?;
            }
            if now.duration_since(asked) >= backend.unused_after {
                tracing::info!(%project, "the backend user's EC2 credential was not used for long; deleting it");
                self.retire_backend_key(project, &access_key).await?;
            } else if now.duration_since(row.created) >= backend.rotate_after {
                tracing::info!(%project, "the backend user's EC2 credential is old; replacing it");
                let way = usual_way(survey, access)?;
                self.rotate_backend_key(project, &access_key, &way).await?;
            }
        }
        if strays {
            self.sweep_strays(project).await?;
        }
        let lately = slot
            .asked()
            .is_some_and(|asked| now.duration_since(asked) < WARM_AFTER);
        if lately && !slot.is_warm(now) {
            let way = usual_way(survey, access)?;
            self.warm_up(project, &slot, &way, None).await?;
        }
        Ok(())
    }

    fn strays_are_due(&self) -> bool {
        let now = self.clock.now();
        let mut last = self
            .strays_swept
            .lock()
            .expect("nobody panics while holding it");
        let due = last.is_none_or(|at| now.duration_since(at) >= STRAYS_EVERY);
        if due {
            *last = Some(now);
        }
        due
    }
}

/// How the survey's leases of that access are mostly made.
fn usual_way(survey: &Survey, access: Access) -> Result<Way<'_>, Denied> {
    let by_role = !survey.methods.contains(&Method::StsLite)
        && survey.methods.contains(&Method::AssumeRole)
        && survey.roles.of(access).is_some();
    let method = if by_role {
        Method::AssumeRole
    } else {
        Method::StsLite
    };
    Way::of(
        method,
        survey,
        access,
        SESSION,
        Lifetime::seconds(Limits::STS.min),
    )
}
