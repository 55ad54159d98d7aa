//! What `/readyz` says: how the systems do, by the calls that were made lately, what was proved of each survey,
//! and whether its project is suspended. A system that is away makes it 503, and so does it that no survey can
//! be leased; what else is wrong is told, and is no reason to send people elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use skykey_broker::{Broker, Proof, ProofStanding};
use skykey_serve::{Readiness, SystemState};
use skykey_types::{Access, Clock, ProjectName, SignedDuration, SurveyName, Timestamp};
use skykey_upstream::{Health, Upstream};

use skykey_site::Clients;

/// Asks nobody, only remembers.
pub(super) struct Ready {
    upstreams: Vec<(&'static str, Upstream)>,
    broker: Arc<Broker>,
    clock: Arc<dyn Clock>,
    started: Timestamp,
    /// The state directory, where `skykey revoke` keeps the policies of a project that it suspended.
    state: PathBuf,
}

impl Ready {
    pub(super) fn new(
        clients: &Clients,
        hub: Option<&Upstream>,
        broker: &Arc<Broker>,
        clock: Arc<dyn Clock>,
        state: PathBuf,
    ) -> Self {
        let site = &clients.site;
        let mut upstreams = vec![
            ("iam", clients.iam.upstream().clone()),
            ("keystone", site.keystone.upstream().clone()),
            ("sts", site.sts.upstream().clone()),
            ("echo", site.echo.upstream().clone()),
        ];
        upstreams.extend(hub.map(|hub| ("jupyterhub", hub.clone())));
        Self {
            upstreams,
            broker: broker.clone(),
            started: clock.now(),
            clock,
            state,
        }
    }

    /// Whether `skykey revoke --project` suspended it, and since when.
    fn suspended(&self, project: &ProjectName) -> Option<Timestamp> {
        let file = self.state.join(format!("suspended-{project}.json"));
        let written = std::fs::metadata(file).ok()?.modified().ok()?;
        Some(Timestamp::try_from(written).unwrap_or(self.started))
    }

    /// Each survey by each method.
    fn surveys(&self) -> Vec<SystemState> {
        // From which project, and since when it is suspended.
        let suspended: BTreeMap<SurveyName, (ProjectName, Timestamp)> = self
            .broker
            .surveys()
            .iter()
            .filter_map(|survey| {
                let project = survey.project(Access::Read);
                let since = self.suspended(project)?;
                Some((survey.name.clone(), (project.clone(), since)))
            })
            .collect();
        let proofs = self.broker.proofs();
        let leased = |proof: &ProofStanding| proof.issues && !suspended.contains_key(&proof.survey);
        let none = !proofs.iter().any(leased);
        proofs
            .into_iter()
            .map(|proof| {
                let at = proof.last.as_ref().map_or(self.started, |(at, _)| *at);
                let (since, why) = match suspended.get(&proof.survey) {
                    Some((project, since)) => (
                        *since,
                        Some(format!(
                            "the project {project} is suspended; run 'skykey revoke --project {project} --lift'"
                        )),
                    ),
                    None => (at, why(&proof)),
                };
                SystemState {
                    name: format!("survey {} by {}", proof.survey, proof.method),
                    ok: why.is_none(),
                    needed: none,
                    since,
                    why,
                }
            })
            .collect()
    }

    /// The administrator at Keystone, while it is refused.
    fn administrator(&self) -> Option<SystemState> {
        let (since, why) = self.broker.administrator_refused()?;
        Some(SystemState {
            name: "keystone admin user".to_owned(),
            ok: false,
            needed: false,
            since,
            why: Some(format!(
                "the EC2 credentials of people who are removed cannot be deleted: Keystone refuses \
                 [keystone.admin_user] ({why})"
            )),
        })
    }
}

/// What is wrong, if something is.
fn why(standing: &ProofStanding) -> Option<String> {
    let ProofStanding { survey, method, .. } = standing;
    let untried = standing.untried.as_deref();
    match standing.last.as_ref().map(|(_, proof)| proof) {
        None => Some(match untried {
            Some(untried) => format!("not proved yet: {survey} by {method}: {untried}"),
            None => format!("not proved yet: {survey} by {method}"),
        }),
        Some(Proof::ReadOnly) if standing.issues => None,
        Some(Proof::ReadOnly) => Some(format!(
            "not proved for too long: {survey} by {method}: {}",
            untried.unwrap_or("nobody tried")
        )),
        Some(Proof::Writes(operations)) => Some(format!(
            "readers can write ({}); run 'skykey survey apply'",
            operations.join(", ")
        )),
        Some(Proof::Unreadable(why) | Proof::Unclear(why)) => Some(why.clone()),
    }
}

#[async_trait]
impl Readiness for Ready {
    async fn systems(&self) -> Vec<SystemState> {
        let now = self.clock.now();
        let of = |(name, upstream): &(&'static str, Upstream)| match upstream.health() {
            Health::Healthy => SystemState {
                name: (*name).to_owned(),
                ok: true,
                needed: true,
                since: self.started,
                why: None,
            },
            Health::Failing { since, why } => SystemState {
                name: (*name).to_owned(),
                ok: false,
                needed: true,
                since: SignedDuration::try_from(since).map_or(self.started, |since| now - since),
                why: Some(why),
            },
        };
        let systems = self.upstreams.iter().map(of);
        systems
            .chain(self.administrator())
            .chain(self.surveys())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use skykey_types::Method;

    use super::*;

    #[test]
    fn what_is_not_proved_is_no_longer_ready() {
        let mut standing = ProofStanding {
            survey: "m13".parse().unwrap(),
            method: Method::StsLite,
            last: None,
            issues: false,
            untried: None,
        };
        assert_eq!(why(&standing).unwrap(), "not proved yet: m13 by sts-lite");
        standing.untried = Some("Keystone refused: 401".to_owned());
        let told = why(&standing).unwrap();
        assert_eq!(
            told,
            "not proved yet: m13 by sts-lite: Keystone refused: 401"
        );
        standing.last = Some((Timestamp::UNIX_EPOCH, Proof::ReadOnly));
        let told = why(&standing).unwrap();
        assert!(
            told.starts_with("not proved for too long: m13 by sts-lite"),
            "{told}"
        );
        standing.issues = true;
        assert_eq!(why(&standing), None);
    }
}
