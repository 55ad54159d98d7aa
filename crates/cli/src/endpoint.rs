//! The container-credentials endpoint of AWS's SDKs, on loopback, for callers that have its bearer
//! token. The credentials come from a [`Source`]. A request whose `Host` is not this address is
//! refused before anything else, so a web page cannot read credentials by DNS rebinding.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use skykey_client::{ClientError, GrantedLease};
use skykey_types::{Secret, random_token};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::formats::rfc3339;

/// Length of the bearer token, in characters of 5 bits each.
const BEARER_CHARS: usize = 48;

/// Where an endpoint's credentials come from.
#[async_trait]
pub(super) trait Source: Send + Sync + 'static {
    /// Returns credentials, or why there are none. The work continues when the caller disconnects,
    /// so the next caller finds it done.
    async fn credentials(&self) -> Result<Arc<GrantedLease>, Refusal>;

    /// Returns the message for a caller with a wrong bearer token.
    fn whose(&self) -> &'static str;
}

/// The reason why there are no credentials, in one sentence, which botocore shows the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Whether the portal refused. If not, it gave no answer.
    pub(super) is_final: bool,
    /// The error code, for programs.
    pub(super) code: String,
    /// What is wrong and what to do.
    pub(super) message: String,
}

/// Serves while it lives.
pub(super) struct Endpoint {
    address: SocketAddr,
    bearer: Secret,
    serving: JoinHandle<()>,
}

struct EndpointState {
    source: Arc<dyn Source>,
    bearer: Secret,
}

impl Endpoint {
    /// Serves `/credentials` of the source to callers with the bearer token, and the routes of
    /// `more` to every process on this machine.
    pub(super) fn serve(
        listener: TcpListener,
        bearer: Secret,
        source: Arc<dyn Source>,
        more: Router,
        held: impl Send + 'static,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("the endpoint's address")?;
        let shared = Arc::new(EndpointState {
            source,
            bearer: bearer.clone(),
        });
        let router = Router::new()
            .route("/credentials", get(credentials))
            .with_state(shared)
            .merge(more)
            .layer(middleware::from_fn_with_state(address, for_this_address));
        let serving = tokio::spawn(async move {
            // Given back after the listener, which goes first.
            let _held = held;
            // It ends when the endpoint is dropped.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            bearer,
            serving,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/credentials", self.address)
    }

    /// What `Authorization` must be, to the letter: the SDKs send the variable as it is.
    pub(super) fn bearer(&self) -> &Secret {
        &self.bearer
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A bearer that nobody can guess.
pub(super) fn new_bearer() -> Secret {
    Secret::new(format!("Bearer {}", random_token(BEARER_CHARS)))
}

async fn for_this_address(
    State(address): State<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if is_for(address, request.uri(), request.headers()) {
        return next.run(request).await;
    }
    // RFC 9110 §15.5.20.
    let why = "this endpoint accepts requests by its address on this machine only";
    refusal(StatusCode::MISDIRECTED_REQUEST, "misdirected", why)
}

/// Whether a request names this address, or `localhost` with its port. Exactly one `Host` is wanted.
fn is_for(address: SocketAddr, uri: &Uri, headers: &HeaderMap) -> bool {
    let port = address.port();
    let ours = |name: &str| {
        let name = name.to_ascii_lowercase();
        let is_ours = |full: String| {
            name == full || (port == 80 && full.strip_suffix(":80") == Some(name.as_str()))
        };
        is_ours(address.to_string()) || is_ours(format!("localhost:{port}"))
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(ours) && uri.authority().is_none_or(|named| ours(named.as_str()))
}

async fn credentials(State(shared): State<Arc<EndpointState>>, headers: HeaderMap) -> Response {
    let brought = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .map(Secret::new);
    if brought.as_ref() != Some(&shared.bearer) {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            shared.source.whose(),
        );
    }
    match shared.source.credentials().await {
        Ok(granted) => {
            ([(header::CACHE_CONTROL, "no-store")], Json(wire(&granted))).into_response()
        }
        Err(no) => {
            let status = if no.is_final {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            refusal(status, &no.code, &no.message)
        }
    }
}

fn wire(granted: &GrantedLease) -> serde_json::Value {
    let credentials = &granted.credentials;
    json!({
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.expose(),
        // The SDKs want the field; an EC2 credential has none.
        "Token": credentials.session_token.as_ref().map_or("", Secret::expose),
        "Expiration": credentials.expiration.map(rfc3339),
    })
}

impl From<&ClientError> for Refusal {
    fn from(error: &ClientError) -> Self {
        let hint = error.hint();
        let message = if hint.is_empty() {
            error.to_string()
        } else {
            format!("{error}; {hint}")
        };
        Self {
            is_final: !error.is_outage(),
            code: error.code().to_owned(),
            message,
        }
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (
        status,
        [(header::CACHE_CONTROL, "no-store")],
        Json(json!({ "code": code, "message": message })),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_for_this_very_address_are_answered() {
        let is_for = |address: &str, uri: &str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            is_for(address.parse().unwrap(), &uri.parse().unwrap(), &headers)
        };
        let here = "127.0.0.1:4000";
        for host in ["127.0.0.1:4000", "localhost:4000", "LocalHost:4000"] {
            assert!(is_for(here, "/credentials", &[host]), "{host}");
        }
        for host in [
            "evil.example:4000",
            "127.0.0.1",
            "127.0.0.1:4001",
            "localhost",
            "localhost.evil.example:4000",
            "127.0.0.2:4000",
            "[::1]:4000",
            "",
        ] {
            assert!(!is_for(here, "/credentials", &[host]), "{host}");
        }
        assert!(!is_for(here, "/credentials", &[]));
        assert!(!is_for(here, "/credentials", &[here, here]));
        assert!(!is_for(here, "http://evil.example/credentials", &[here]));
        assert!(is_for("[::1]:4000", "/credentials", &["[::1]:4000"]));
        assert!(is_for("127.0.0.1:80", "/", &["127.0.0.1"]));
        assert!(is_for("127.0.0.1:80", "/", &["localhost"]));
    }
}
