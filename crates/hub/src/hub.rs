//! Asking the hub.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION};
use skykey_types::{Clock, Secret};
use skykey_upstream::{Call, Settings, Upstream, UpstreamMetrics};
use url::Url;

use crate::kept::{Digest, Kept};
use crate::user::Wire;
use crate::{HubError, HubUser, Servers, bearer};

const OPERATION: &str = "ask whose a token is";
/// A hub's tokens have 32 characters; no other comes near this.
const LONGEST: usize = 1024;

/// What an operator says about the hub.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Its address, as far as `/hub/`, which is not part of it.
    pub url: Url,
    /// A PEM file of certificate authorities to believe beside those that the machine knows.
    pub authorities: Option<PathBuf>,
    /// Where calls are counted.
    pub metrics: UpstreamMetrics,
}

/// One JupyterHub.
#[derive(Debug)]
pub struct Hub {
    url: Url,
    upstream: Upstream,
    kept: Kept,
    clock: Arc<dyn Clock>,
    servers: Option<Arc<Servers>>,
}

impl Hub {
    /// Nothing is asked yet: the hub may come up later.
    pub fn new(settings: HubSettings, clock: Arc<dyn Clock>) -> Result<Self, HubError> {
        let HubSettings {
            url,
            authorities,
            metrics,
        } = settings;
        // Wrong addresses are told now.
        below(url.clone(), &[])?;
        let upstream = Upstream::new(Settings {
            attempt: Duration::from_secs(4),
            // A hub has one thread, and a class that begins together queues before it. Who gave up waiting
            // finds the answer kept when they ask again.
            total: Duration::from_secs(15),
            attempts: 2,
            longest: 256 << 10,
            authorities,
            metrics,
            ..Settings::of("JupyterHub")
        })
        .map_err(|error| HubError::Setup(error.to_string()))?;
        Ok(Self {
            url,
            upstream,
            kept: Kept::default(),
            clock,
            servers: None,
        })
    }

    /// The same, which also asks whether the token's server runs. Some tokens outlive their server: a hub that was
    /// restarted meanwhile (seen with 6.1) does not find them when it stops it, and those that somebody made by hand are
    /// nobody's to end.
    #[must_use]
    pub fn with_servers(mut self, servers: Arc<Servers>) -> Self {
        self.servers = Some(servers);
        self
    }

    /// Whose token this is; `None` if the hub refuses it. An outage is an error, never `None`. The hub
    /// is asked once about a token at a time, and after a yes not again for [`crate::KEPT`].
    pub async fn user(&self, token: &Secret) -> Result<Option<Arc<HubUser>>, HubError> {
        let text = token.expose();
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(None);
        }
        let key: Digest = digest(&SHA256, text.as_bytes())
            .as_ref()
            .try_into()
            .expect("a SHA-256 has 32 bytes");
        if let Some(user) = self.kept.find(&key, self.clock.now()) {
            return Ok(Some(user));
        }
        let gate = self.kept.gate(key);
        let _held = gate.lock().await;
        if let Some(user) = self.kept.find(&key, self.clock.now()) {
            return Ok(Some(user));
        }
        let mut user = self.ask(token).await?.map(Arc::new);
        if let (Some(servers), Some(known)) = (&self.servers, &user)
            && let Some(server) = &known.server
            && !servers.runs(&known.name, server).await?
        {
            user = None;
        }
        if let Some(user) = &user {
            self.kept.keep(key, self.clock.now(), user.clone());
        }
        Ok(user)
    }

    /// The way to the hub, which knows how the hub is doing.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// An address below the hub's own.
    pub(crate) fn at(&self, path: &str) -> Result<Url, HubError> {
        below(self.url.clone(), &path.split('/').collect::<Vec<_>>())
    }

    async fn ask(&self, token: &Secret) -> Result<Option<HubUser>, HubError> {
        let request = Request::get(self.at("hub/api/user")?.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer(token)?)
            .body(Bytes::new())
            .map_err(|_| HubError::Setup("its address cannot be called".to_owned()))?;
        let answer = self.upstream.send(&Call::new(OPERATION, request)).await?;
        match answer.status {
            200 => {
                let wire: Wire = answer.json().map_err(HubError::Unexpected)?;
                if wire.is_nameless() {
                    return Err(HubError::Unexpected("a user without a name".to_owned()));
                }
                Ok(Some(wire.into()))
            }
            401 | 403 => Ok(None),
            status => Err(HubError::Status(status)),
        }
    }
}

/// The address `path` further on.
pub(crate) fn below(mut url: Url, path: &[&str]) -> Result<Url, HubError> {
    let wrong = HubError::Setup(format!("'{url}' is not the address of a JupyterHub"));
    url.path_segments_mut()
        .map_err(|()| wrong)?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}
