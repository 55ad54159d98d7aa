//! The systems around skykey, and their clients. Whether a system is real or a stand-in shows here for the
//! last time: a [`Systems`] says where each is and as whom it is asked, and [`Clients`] ask.

use std::sync::Arc;

use skykey_broker::{NotebookServers, Store};
use skykey_echo::{Echo, EchoSettings};
use skykey_hub::{Hub, HubSettings, Servers};
use skykey_iam::{Iam, IamSettings};
use skykey_keystone::ProjectRef;
use skykey_sts::{StsClient, StsSettings};
use skykey_types::{Clock, SystemClock};
use skykey_upstream::UpstreamMetrics;
use url::Url;

use crate::adapters::{HubServers, KeystoneAdmin, KeystonePort, KeystoneSettings, KeystoneUser};
use crate::settings::{EchoSite, HubSite, IamSite, KeystoneLogin, KeystoneSite};

/// Where each system is and as whom it is asked.
#[derive(Debug, Clone)]
pub struct Systems {
    /// The IAM.
    pub iam: IamSite,
    /// Keystone.
    pub keystone: KeystoneSite,
    /// Echo.
    pub echo: EchoSite,
    /// Who serves the objects.
    pub store: Store,
}

/// The clients of Keystone and Echo alone, for what needs no people.
#[derive(Debug, Clone)]
pub struct SiteClients {
    /// Keystone.
    pub keystone: Arc<KeystonePort>,
    /// Echo's STS.
    pub sts: Arc<StsClient>,
    /// Echo's S3, for proofs and policies.
    pub echo: Echo,
}

/// A client of each system.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The IAM.
    pub iam: Arc<Iam>,
    /// The others.
    pub site: SiteClients,
}

impl SiteClients {
    /// Nothing is asked yet.
    pub fn new(
        keystone: &KeystoneSite,
        echo: &EchoSite,
        clock: &Arc<dyn Clock>,
        metrics: &UpstreamMetrics,
    ) -> anyhow::Result<Self> {
        // Requests are dated by the machine's clock, by which the other end judges them.
        let wire: Arc<dyn Clock> = Arc::new(SystemClock);
        let sts = StsSettings {
            authorities: echo.authorities.clone(),
            at_once: echo.at_once,
            metrics: metrics.clone(),
            patience: echo.patience,
            ..StsSettings::new(echo.endpoint.clone(), echo.region.clone())
        };
        Ok(Self {
            keystone: Arc::new(KeystonePort::new(
                keystone_settings(keystone, metrics),
                clock.clone(),
            )?),
            sts: Arc::new(StsClient::new(sts, wire.clone())?),
            echo: Echo::new(
                EchoSettings {
                    endpoint: echo.endpoint.clone(),
                    region: echo.region.clone(),
                    authorities: echo.authorities.clone(),
                    metrics: metrics.clone(),
                    patience: echo.patience,
                },
                wire,
            )?,
        })
    }
}

impl Systems {
    /// The clients. Nothing is asked yet. `redirect` is where the IAM sends people back to.
    pub fn clients(
        &self,
        redirect: Url,
        clock: &Arc<dyn Clock>,
        metrics: &UpstreamMetrics,
    ) -> anyhow::Result<Clients> {
        let iam = iam_settings(&self.iam, redirect, metrics);
        Ok(Clients {
            iam: Arc::new(Iam::new(iam, clock.clone())?),
            site: SiteClients::new(&self.keystone, &self.echo, clock, metrics)?,
        })
    }
}

/// The client of a JupyterHub. Nothing is asked yet.
pub fn hub(
    site: &HubSite,
    clock: &Arc<dyn Clock>,
    metrics: &UpstreamMetrics,
) -> anyhow::Result<Hub> {
    let mut hub = Hub::new(hub_settings(site, metrics), clock.clone())?;
    if let Some(token) = &site.service_token {
        let servers = Servers::for_lookups(hub_settings(site, metrics), token)?;
        hub = hub.with_servers(Arc::new(servers));
    }
    Ok(hub)
}

/// Whoever stops the notebook servers of people who were removed, if the site wants that.
pub fn notebook_servers(
    site: Option<&HubSite>,
    metrics: &UpstreamMetrics,
) -> anyhow::Result<Option<Arc<dyn NotebookServers>>> {
    let Some(site) = site.filter(|site| site.stop_servers) else {
        return Ok(None);
    };
    let Some(token) = &site.service_token else {
        return Ok(None);
    };
    let servers = Servers::new(hub_settings(site, metrics), token)?;
    Ok(Some(Arc::new(HubServers::new(servers, site.user))))
}

pub(crate) fn hub_settings(site: &HubSite, metrics: &UpstreamMetrics) -> HubSettings {
    HubSettings {
        url: site.url.clone(),
        authorities: site.authorities.clone(),
        metrics: metrics.clone(),
    }
}

fn iam_settings(site: &IamSite, redirect: Url, metrics: &UpstreamMetrics) -> IamSettings {
    IamSettings {
        groups: site.groups.clone(),
        membership: site.membership,
        scopes: site.scopes.clone(),
        // What the command was given is meant for the portal.
        audiences: site
            .audiences
            .iter()
            .chain(&site.cli_client_id)
            .cloned()
            .collect(),
        account_end: site.account_end.clone(),
        authorities: site.authorities.clone(),
        metrics: metrics.clone(),
        patience: site.patience,
        ..IamSettings::new(
            site.issuer.clone(),
            site.client_id.clone(),
            site.client_secret.clone(),
            redirect,
        )
    }
}

fn keystone_settings(site: &KeystoneSite, metrics: &UpstreamMetrics) -> KeystoneSettings {
    let user = |login: &KeystoneLogin| KeystoneUser {
        name: login.name.clone(),
        password: login.password.clone(),
        domain: login.domain.clone(),
    };
    KeystoneSettings {
        url: site.url.clone(),
        authorities: site.authorities.clone(),
        metrics: metrics.clone(),
        patience: site.patience,
        identity_provider: site.identity_provider.clone(),
        protocol: site.protocol.clone(),
        project_domain: site.project_domain.clone(),
        backend_user: user(&site.backend),
        admin_user: site.admin.as_ref().map(|(login, project)| KeystoneAdmin {
            user: user(login),
            project: ProjectRef {
                name: project.to_string(),
                domain: login.domain.clone(),
            },
        }),
    }
}
