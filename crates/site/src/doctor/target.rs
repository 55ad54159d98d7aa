//! What is examined.

use std::path::PathBuf;
use std::sync::Arc;

use skykey_broker::Store;
use skykey_hub::{Hub, HubSettings};
use skykey_types::{Clock, Survey, SystemClock};
use skykey_upstream::UpstreamMetrics;

use crate::systems::{Clients, Systems};

/// What is examined.
#[derive(Debug, Clone)]
pub struct Examination {
    /// Where the systems are.
    pub systems: Systems,
    /// The surveys.
    pub surveys: Vec<Survey>,
    /// The JupyterHub, if there is one.
    pub hub: Option<HubSettings>,
    /// The keys that seal session tokens of the method gateway, if they are at hand.
    pub ring: Option<PathBuf>,
    /// Wait until Echo refuses a deleted EC2 credential, instead of looking for some seconds.
    pub patient: bool,
}

/// The systems and how they are asked.
pub(super) struct Target {
    pub(super) systems: Systems,
    pub(super) clients: Clients,
    pub(super) surveys: Vec<Survey>,
    /// The JupyterHub, if the configuration names one.
    pub(super) hub: Option<(HubSettings, Hub)>,
    /// The keys that seal session tokens of the method gateway, if they are at hand.
    pub(super) ring: Option<PathBuf>,
    pub(super) patient: bool,
}

impl Target {
    pub(super) fn of(examination: Examination) -> anyhow::Result<Self> {
        let Examination {
            systems,
            surveys,
            hub,
            ring,
            patient,
        } = examination;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        // Nobody logs in, so nobody is sent back.
        let redirect = systems.iam.join_at.clone();
        let metrics = UpstreamMetrics::default();
        let clients = systems.clients(redirect, &clock, &metrics)?;
        let hub = match hub {
            Some(settings) => {
                let hub = Hub::new(&settings, &metrics, clock)?;
                Some((settings, hub))
            }
            None => None,
        };
        Ok(Self {
            systems,
            clients,
            surveys,
            hub,
            ring,
            patient,
        })
    }

    pub(super) fn survey_names(&self) -> impl Iterator<Item = &str> {
        self.surveys.iter().map(|survey| survey.name.as_str())
    }

    /// Whether the object store is a Ceph, and not our own endpoint.
    pub(super) fn is_ceph(&self) -> bool {
        self.systems.store != Store::Ours
    }
}
