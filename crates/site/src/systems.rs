//! The systems around skykey, and their clients. Whether a system is real or a stand-in shows here for the
//! last time: a [`Systems`] holds the settings of each client, and [`Clients`] send requests.

use std::sync::Arc;

use skykey_broker::{NotebookServers, Store};
use skykey_echo::Echo;
use skykey_hub::{Hub, HubName, HubSettings, Servers};
use skykey_iam::{Iam, IamSettings};
use skykey_s3_client::S3Settings;
use skykey_sts::StsClient;
use skykey_types::{Clock, Credentials, LoginPorts, SystemClock};
use skykey_upstream::UpstreamMetrics;
use url::Url;

use crate::adapters::{HubServers, KeystonePort, KeystoneSettings};

/// The systems of a site.
#[derive(Debug, Clone)]
pub struct Systems {
    /// The IAM.
    pub iam: IamSite,
    /// Keystone.
    pub keystone: KeystoneSettings,
    /// Echo.
    pub echo: EchoSite,
    /// Who serves the objects.
    pub store: Store,
}

/// The IAM, and what people are told about it.
#[derive(Debug, Clone)]
pub struct IamSite {
    /// The client's settings.
    pub client: IamSettings,
    /// The public client of the command `skykey login`; without it there is no login by the command.
    /// Its id is among the audiences of the settings.
    pub cli_client_id: Option<String>,
    /// Where that client may have a browser sent back to; without, it logs in by device code alone.
    pub cli_ports: Option<LoginPorts>,
    /// Where people ask to join a group.
    pub join_at: Url,
}

/// Echo, by S3 and by STS.
#[derive(Debug, Clone)]
pub struct EchoSite {
    /// The settings of both clients.
    pub client: S3Settings,
    /// The number of STS requests that may be under way at once.
    pub at_once: usize,
    /// A user of the gateway's own, for `skykey survey apply` and `skykey revoke --project`.
    pub admin: Option<Credentials>,
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
    /// Creates the clients; they send no request yet.
    pub fn new(
        keystone: &KeystoneSettings,
        echo: &EchoSite,
        clock: &Arc<dyn Clock>,
        metrics: &UpstreamMetrics,
    ) -> anyhow::Result<Self> {
        // Requests are dated by the machine's clock, by which the other end judges them.
        let wire: Arc<dyn Clock> = Arc::new(SystemClock);
        let s3 = &echo.client;
        let sts = StsClient::new(s3.clone(), echo.at_once, metrics, wire.clone())?;
        Ok(Self {
            keystone: Arc::new(KeystonePort::new(keystone.clone(), metrics, clock.clone())?),
            sts: Arc::new(sts),
            echo: Echo::new(s3.clone(), metrics, wire)?,
        })
    }
}

impl Systems {
    /// Creates the clients; they send no request yet. `redirect` is the address to which the IAM sends
    /// people back.
    pub fn clients(
        &self,
        redirect: Url,
        clock: &Arc<dyn Clock>,
        metrics: &UpstreamMetrics,
    ) -> anyhow::Result<Clients> {
        let iam = Iam::new(self.iam.client.clone(), redirect, metrics, clock.clone())?;
        Ok(Clients {
            iam: Arc::new(iam),
            site: SiteClients::new(&self.keystone, &self.echo, clock, metrics)?,
        })
    }
}

/// Creates the client of a JupyterHub; it sends no request yet.
pub fn hub(
    settings: &HubSettings,
    clock: &Arc<dyn Clock>,
    metrics: &UpstreamMetrics,
) -> anyhow::Result<Hub> {
    let mut hub = Hub::new(settings, metrics, clock.clone())?;
    if let Some(token) = &settings.service_token {
        hub = hub.with_servers(Arc::new(Servers::for_lookups(settings, token, metrics)?));
    }
    Ok(hub)
}

/// Creates the client that stops the notebook servers of people who were removed, if the site wants
/// that. The hub names people by `user`.
pub fn notebook_servers(
    settings: &HubSettings,
    user: HubName,
    metrics: &UpstreamMetrics,
) -> anyhow::Result<Option<Arc<dyn NotebookServers>>> {
    match &settings.service_token {
        Some(token) if settings.stop_servers => {
            let servers = Servers::new(settings, token, metrics)?;
            Ok(Some(Arc::new(HubServers::new(servers, user))))
        }
        _ => Ok(None),
    }
}
