//! What is examined.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use skykey_broker::Store;
use skykey_hub::Hub;
use skykey_types::{Clock, Survey, SystemClock};
use skykey_upstream::UpstreamMetrics;

use crate::config::{Config, HubSite};
use crate::systems::{Clients, Systems, hub_settings};
use crate::up;

/// What the command line said.
#[derive(Debug, Clone)]
pub struct DoctorOptions {
    /// Where the systems are described.
    pub source: Source,
    /// Wait until Echo refuses a deleted EC2 credential, instead of looking for some seconds.
    pub patient: bool,
}

/// Where the systems are described.
#[derive(Debug, Clone)]
pub enum Source {
    /// The configuration file of a site.
    Config(PathBuf),
    /// The state directory of a running `skykey up`.
    State(PathBuf),
}

/// The systems and how they are asked.
pub(super) struct Target {
    pub(super) systems: Systems,
    pub(super) clients: Clients,
    pub(super) surveys: Vec<Survey>,
    /// The JupyterHub, if the configuration names one.
    pub(super) hub: Option<(HubSite, Hub)>,
    /// The keys that seal session tokens of the method gateway, if they are at hand.
    pub(super) ring: Option<PathBuf>,
    pub(super) patient: bool,
}

impl Target {
    pub(super) fn of(options: &DoctorOptions) -> anyhow::Result<Self> {
        let (systems, surveys, hub, ring) = match &options.source {
            Source::Config(path) => {
                let (systems, surveys, hub) = site(path)?;
                (systems, surveys, hub, None)
            }
            Source::State(root) => {
                let (systems, surveys) = up::peek(root)?;
                let ring = root.join("keys").join("session-tokens.json");
                (systems, surveys, None, Some(ring))
            }
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        // Nobody logs in, so nobody is sent back.
        let redirect = systems.iam.join_at.clone();
        let metrics = UpstreamMetrics::default();
        let clients = systems.clients(redirect, &clock, &metrics)?;
        let hub = match hub {
            Some(site) => {
                let settings = hub_settings(&site, &metrics);
                Some((site, Hub::new(settings, clock)?))
            }
            None => None,
        };
        Ok(Self {
            systems,
            clients,
            surveys,
            hub,
            ring,
            patient: options.patient,
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

/// The systems of a configuration that names all of them.
fn site(path: &Path) -> anyhow::Result<(Systems, Vec<Survey>, Option<HubSite>)> {
    let config = Config::load(Some(path), &[])?;
    let (Some(iam), Some(keystone), Some(echo)) = (config.iam, config.keystone, config.echo) else {
        bail!(
            "{} leaves [iam], [keystone] or [echo] to the stand-ins of 'skykey up'; start it, and give --state DIR instead",
            path.display()
        );
    };
    let store = Store::Ceph {
        deletes_ec2: keystone.admin.is_some(),
    };
    let systems = Systems {
        iam,
        keystone,
        echo,
        store,
    };
    let surveys = config.surveys.into_iter();
    Ok((
        systems,
        surveys.map(|configured| configured.survey).collect(),
        config.jupyterhub,
    ))
}
