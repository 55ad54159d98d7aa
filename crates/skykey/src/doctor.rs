//! `skykey doctor`: what it examines, from a configuration or beside a running skykey.

use std::path::{Path, PathBuf};

use anyhow::bail;
use skykey_broker::Store;
use skykey_hub::HubSettings;
use skykey_site::Systems;
use skykey_site::doctor::Examination;
use skykey_types::Survey;

use crate::config::Config;
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

impl DoctorOptions {
    /// Reads what is to be examined.
    pub fn examination(&self) -> anyhow::Result<Examination> {
        let (systems, surveys, hub, ring) = match &self.source {
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
        Ok(Examination {
            systems,
            surveys,
            hub,
            ring,
            patient: self.patient,
        })
    }
}

/// The systems of a configuration that names all of them.
fn site(path: &Path) -> anyhow::Result<(Systems, Vec<Survey>, Option<HubSettings>)> {
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
        config.jupyterhub.map(|site| site.client),
    ))
}
