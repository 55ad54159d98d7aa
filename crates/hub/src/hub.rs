//! The client of a hub.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION};
use skykey_types::{Clock, Secret, SignedDuration};
use skykey_upstream::{
    Cache, CacheSettings, Call, Fault, Freshness, Settings, Upstream, UpstreamMetrics,
};
use url::Url;

use crate::user::Wire;
use crate::{HubError, HubUser, Servers, bearer};

const OPERATION: &str = "ask whose a token is";
/// A hub's tokens have 32 characters.
const MAX_TOKEN_BYTES: usize = 1024;
/// How long a positive answer is cached: a stopped server's token ends here that much later than at
/// the hub. So no older answer serves, also while the hub hangs; the portal then hands out again
/// what a server has.
pub const CACHE_TTL: SignedDuration = SignedDuration::from_secs(30);

const CACHE: CacheSettings<NoUser> = CacheSettings {
    operation: OPERATION,
    max_entries: 10_000,
    max_age: CACHE_TTL,
    retry_interval: SignedDuration::ZERO,
    is_outage: |no_user| matches!(no_user, NoUser::Failed(_)),
};

/// The SHA-256 of a token.
type TokenHash = [u8; 32];

/// Why there is no user for a token. It reaches all who wait, and is not cached.
#[derive(Debug, Clone)]
enum NoUser {
    /// The hub refuses the token.
    Refused,
    /// The hub did not answer.
    Failed(HubError),
}

impl From<Fault> for NoUser {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.into())
    }
}

/// The configuration of a hub.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Its address, without the `/hub/` at its end.
    pub url: Url,
    /// A PEM file of certificate authorities to trust in addition to the machine's.
    pub authorities: Option<PathBuf>,
    /// The token of a service of the hub, by which skykey asks whether a notebook server runs.
    pub service_token: Option<Secret>,
    /// Whether the servers of people who were removed are stopped; this needs the token.
    pub stop_servers: bool,
}

/// One JupyterHub. Clones are cheap and share the cache.
#[derive(Debug, Clone)]
pub struct Hub {
    url: Url,
    upstream: Upstream,
    users: Cache<TokenHash, Arc<HubUser>, NoUser>,
    servers: Option<Arc<Servers>>,
}

impl Hub {
    /// Creates the client. It sends no request yet: the hub may start later.
    pub fn new(
        settings: &HubSettings,
        metrics: &UpstreamMetrics,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HubError> {
        let url = settings.url.clone();
        // A wrong address is an error now.
        below(url.clone(), &[])?;
        let upstream = Upstream::new(Settings {
            attempt: Duration::from_secs(4),
            // A hub has one thread, so a class that starts together queues there. A client that gave up
            // finds the cached answer at its next request.
            total: Duration::from_secs(15),
            attempts: 2,
            longest: 256 << 10,
            authorities: settings.authorities.clone(),
            metrics: metrics.clone(),
            ..Settings::of("JupyterHub")
        })
        .map_err(|error| HubError::Setup(error.to_string()))?;
        Ok(Self {
            url,
            upstream,
            users: Cache::new(CACHE, clock),
            servers: None,
        })
    }

    /// Also checks that the token's server runs. Some tokens outlive their server: those that a hub
    /// (seen with 6.1) has lost track of in a restart, and those that a person made by hand.
    #[must_use]
    pub fn with_servers(mut self, servers: Arc<Servers>) -> Self {
        self.servers = Some(servers);
        self
    }

    /// Returns whose token this is; `None` if the hub refuses it. An outage is an error, never `None`.
    /// One request per token at a time; positive answers are cached for [`CACHE_TTL`].
    pub async fn user(&self, token: &Secret) -> Result<Option<Arc<HubUser>>, HubError> {
        let text = token.expose();
        let looks_like_one = !text.is_empty()
            && text.len() <= MAX_TOKEN_BYTES
            && text.bytes().all(|b| b.is_ascii_graphic());
        if !looks_like_one {
            return Ok(None);
        }
        let key: TokenHash = digest(&SHA256, text.as_bytes())
            .as_ref()
            .try_into()
            .expect("a SHA-256 has 32 bytes");
        let (hub, token) = (self.clone(), token.clone());
        let fetch = || async move {
            let user = hub.fetch_user(&token).await.map_err(NoUser::Failed)?;
            user.map(Arc::new).ok_or(NoUser::Refused)
        };
        let freshness = |_: &_, age| Freshness::by_age(age, CACHE_TTL, CACHE_TTL);
        match self.users.get(key, freshness, fetch).await {
            Ok(user) => Ok(Some(user)),
            Err(NoUser::Refused) => Ok(None),
            Err(NoUser::Failed(error)) => Err(error),
        }
    }

    /// Returns the connection to the hub, with its health.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Returns an address below the hub's own.
    pub(crate) fn at(&self, path: &str) -> Result<Url, HubError> {
        below(self.url.clone(), &path.split('/').collect::<Vec<_>>())
    }

    /// Asks the hub whose token it is, and whether its server runs.
    async fn fetch_user(&self, token: &Secret) -> Result<Option<HubUser>, HubError> {
        let user = self.ask(token).await?;
        if let (Some(servers), Some(known)) = (&self.servers, &user)
            && let Some(server) = &known.server
            && !servers.runs(&known.name, server).await?
        {
            return Ok(None);
        }
        Ok(user)
    }

    async fn ask(&self, token: &Secret) -> Result<Option<HubUser>, HubError> {
        let request = Request::get(self.at("hub/api/user")?.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer(token)?)
            .body(Bytes::new())
            .map_err(|_| HubError::Setup("its address is not valid in a request".to_owned()))?;
        let answer = self.upstream.send(&Call::new(OPERATION, request)).await?;
        match answer.status {
            200 => {
                let wire: Wire = answer.json().map_err(HubError::Unexpected)?;
                if wire.is_nameless() {
                    return Err(HubError::Unexpected("the user has no name".to_owned()));
                }
                Ok(Some(wire.into()))
            }
            401 | 403 => Ok(None),
            status => Err(HubError::Status(status)),
        }
    }
}

/// Appends path segments to an address.
pub(crate) fn below(mut url: Url, path: &[&str]) -> Result<Url, HubError> {
    let wrong = HubError::Setup(format!("'{url}' is not the address of a JupyterHub"));
    url.path_segments_mut()
        .map_err(|()| wrong)?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}
