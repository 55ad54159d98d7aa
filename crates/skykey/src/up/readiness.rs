//! What `/readyz` says: how the systems do, by the calls that were made lately, and whether any survey's
//! readers were seen to write.

use std::sync::Arc;

use async_trait::async_trait;
use skykey_broker::{Broker, Proof};
use skykey_serve::{Readiness, SystemState};
use skykey_types::{Clock, SignedDuration, Timestamp};
use skykey_upstream::{Standing, Upstream};

use crate::systems::Clients;

/// Asks nobody, only remembers.
pub(super) struct Ready {
    upstreams: Vec<(&'static str, Upstream)>,
    broker: Arc<Broker>,
    clock: Arc<dyn Clock>,
    started: Timestamp,
}

impl Ready {
    pub(super) fn new(
        clients: &Clients,
        hub: Option<&Upstream>,
        broker: &Arc<Broker>,
        clock: Arc<dyn Clock>,
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
        }
    }
}

#[async_trait]
impl Readiness for Ready {
    async fn systems(&self) -> Vec<SystemState> {
        let now = self.clock.now();
        let of = |(name, upstream): &(&'static str, Upstream)| match upstream.standing() {
            Standing::Well => SystemState {
                name: (*name).to_owned(),
                ok: true,
                since: self.started,
                why: None,
            },
            Standing::Failing { since, why } => SystemState {
                name: (*name).to_owned(),
                ok: false,
                since: SignedDuration::try_from(since).map_or(self.started, |since| now - since),
                why: Some(why),
            },
        };
        let proved = self
            .broker
            .proofs()
            .into_iter()
            .map(|(survey, method, at, proof)| {
                let why = match proof {
                    Proof::ReadOnly => None,
                    Proof::Writes(operations) => Some(format!(
                        "readers can write ({}); run 'skykey survey apply'",
                        operations.join(", ")
                    )),
                    Proof::Unreadable(why) | Proof::Unclear(why) => Some(why),
                };
                SystemState {
                    name: format!("survey {survey} by {method}"),
                    ok: why.is_none(),
                    since: at,
                    why,
                }
            });
        self.upstreams.iter().map(of).chain(proved).collect()
    }
}
