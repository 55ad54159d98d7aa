//! Lists and stops notebook servers.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Method, Request};
use serde::Deserialize;
use skykey_types::Secret;
use skykey_upstream::{Answer, Call, Settings, Upstream, UpstreamMetrics};
use url::Url;

use crate::{HubError, HubSettings, bearer};

/// The longest name of a user or a server that is asked for; a hub's own have 255 characters at most.
const MAX_NAME_BYTES: usize = 255;

/// The client of a hub with the token of one of its services. The token's role needs the scope
/// `read:servers`, and to stop servers `delete:servers`
/// (<https://jupyterhub.readthedocs.io/en/stable/rbac/scopes.html>).
#[derive(Debug)]
pub struct Servers {
    url: Url,
    upstream: Upstream,
    authorization: HeaderValue,
}

#[derive(Deserialize)]
struct User {
    /// Those that run, start or stop. Absent if the token may not read them.
    servers: Option<BTreeMap<String, Server>>,
}

#[derive(Deserialize)]
struct Server {
    /// Empty for the default server.
    name: String,
}

impl Servers {
    /// Creates the client; it sends no request yet. `token` is that of a service of the hub.
    pub fn new(
        settings: &HubSettings,
        token: &Secret,
        metrics: &UpstreamMetrics,
    ) -> Result<Self, HubError> {
        // A hub responds when the server has stopped, or after ten seconds.
        Self::with(
            settings,
            token,
            metrics,
            Duration::from_secs(20),
            Duration::from_secs(25),
        )
    }

    /// Creates a client with short timeouts for lookups while a person waits; not for stopping servers.
    pub fn for_lookups(
        settings: &HubSettings,
        token: &Secret,
        metrics: &UpstreamMetrics,
    ) -> Result<Self, HubError> {
        Self::with(
            settings,
            token,
            metrics,
            Duration::from_secs(4),
            Duration::from_secs(15),
        )
    }

    fn with(
        settings: &HubSettings,
        token: &Secret,
        metrics: &UpstreamMetrics,
        attempt: Duration,
        total: Duration,
    ) -> Result<Self, HubError> {
        let authorization = bearer(token)?;
        let upstream = Upstream::new(Settings {
            attempt,
            total,
            attempts: 2,
            at_once: 32,
            longest: 256 << 10,
            authorities: settings.authorities.clone(),
            metrics: metrics.clone(),
            ..Settings::of("JupyterHub")
        })
        .map_err(|error| HubError::Setup(error.to_string()))?;
        Ok(Self {
            url: crate::hub::below(settings.url.clone(), &["hub", "api", "users"])?,
            upstream,
            authorization,
        })
    }

    /// Stops all servers of a user that run or start, and returns their number; `None` if the hub has no
    /// such user. A slow server may still be stopping when this returns.
    pub async fn stop_all(&self, user: &str) -> Result<Option<usize>, HubError> {
        let Some(servers) = self.of(user).await? else {
            return Ok(None);
        };
        let mut stopped = 0;
        for Server { name } in servers.values() {
            let path: &[&str] = if name.is_empty() {
                &[user, "server"]
            } else if is_name(name) {
                &[user, "servers", name]
            } else {
                return Err(HubError::Unexpected(
                    "a server's name is not valid".to_owned(),
                ));
            };
            self.ask(Method::DELETE, "stop a notebook server", path)
                .await?;
            stopped += 1;
        }
        Ok(Some(stopped))
    }

    /// Whether a user's server runs or starts; the default one has an empty name.
    pub(crate) async fn runs(&self, user: &str, server: &str) -> Result<bool, HubError> {
        let servers = self.of(user).await?.unwrap_or_default();
        Ok(servers.values().any(|known| known.name == server))
    }

    /// Lists a user's servers that run, start or stop; `None` if the hub has no such user.
    async fn of(&self, user: &str) -> Result<Option<BTreeMap<String, Server>>, HubError> {
        if !is_name(user) {
            return Ok(None);
        }
        let answer = self
            .ask(Method::GET, "list notebook servers", &[user])
            .await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let found: User = answer.json().map_err(HubError::Unexpected)?;
        found.servers.map(Some).ok_or_else(|| {
            HubError::Unexpected(
                "it does not list the user's servers; the role of [jupyterhub] service_token needs the scope read:servers"
                    .to_owned(),
            )
        })
    }

    /// Sends a request; any status but 2xx and 404 is an error.
    async fn ask(
        &self,
        method: Method,
        operation: &'static str,
        path: &[&str],
    ) -> Result<Answer, HubError> {
        let request = Request::builder()
            .method(method)
            .uri(crate::hub::below(self.url.clone(), path)?.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, self.authorization.clone())
            .body(Bytes::new())
            .map_err(|_| HubError::Setup("its address is not valid in a request".to_owned()))?;
        let answer = self.upstream.send(&Call::new(operation, request)).await?;
        if answer.is_success() || answer.status == 404 {
            return Ok(answer);
        }
        Err(HubError::NotDone {
            operation,
            status: answer.status,
        })
    }
}

/// Whether the text is valid as one segment of a path.
fn is_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.len() <= MAX_NAME_BYTES
        && !text.chars().any(char::is_control)
}
