//! A JupyterHub as far as skykey asks it, and notebook servers that ask for credentials as botocore does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};
use skykey_types::{AccessKeyId, Credentials, Secret, SignedDuration, Timestamp};
use tokio::net::TcpListener;
use url::Url;

/// Below this botocore asks for new ones, and makes do with the old if it gets none.
const ADVISORY: SignedDuration = SignedDuration::from_mins(15);
/// Below this it must have an answer.
const MANDATORY: SignedDuration = SignedDuration::from_mins(10);
/// `ContainerMetadataFetcher`: two seconds, three tries, a second between them.
const TIMEOUT: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;
const BETWEEN: Duration = Duration::from_secs(1);

/// How a hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Health {
    #[default]
    Well,
    /// It answers 503.
    Away,
    /// It takes requests and never answers.
    Hangs,
}

#[derive(Default)]
struct Inner {
    health: Mutex<Health>,
    users: Mutex<BTreeMap<String, String>>,
    asked: AtomicUsize,
}

/// A hub that knows the servers that were started.
#[derive(Clone)]
pub(crate) struct FakeHub {
    address: SocketAddr,
    inner: Arc<Inner>,
    /// All servers' way out.
    http: reqwest::Client,
}

impl FakeHub {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .route("/hub/api/user", get(user))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            address,
            inner,
            http,
        }
    }

    pub(crate) fn url(&self) -> Url {
        format!("http://{}/", self.address).parse().unwrap()
    }

    pub(crate) fn be(&self, health: Health) {
        *self.inner.health.lock().unwrap() = health;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.inner.asked.load(Ordering::SeqCst)
    }

    /// Starts a server of a person; `which` tells the person's servers apart.
    pub(crate) fn start_server(&self, portal: &Url, name: &str, which: usize) -> Server {
        let token = format!("{name}-{which}");
        let mut users = self.inner.users.lock().unwrap();
        users.insert(token.clone(), name.to_owned());
        Server {
            name: name.to_owned(),
            token,
            url: portal.join("jupyter/credentials?survey=m13").unwrap(),
            http: self.http.clone(),
            off: SignedDuration::ZERO,
            held: None,
        }
    }

    pub(crate) fn stop_server(&self, server: &Server) {
        self.inner.users.lock().unwrap().remove(&server.token);
    }
}

async fn user(
    State(hub): State<Arc<Inner>>,
    headers: HeaderMap,
) -> (StatusCode, axum::Json<Value>) {
    hub.asked.fetch_add(1, Ordering::SeqCst);
    let health = *hub.health.lock().unwrap();
    match health {
        Health::Well => {}
        Health::Away => return (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({}))),
        Health::Hangs => std::future::pending::<()>().await,
    }
    let token = headers["authorization"].to_str().unwrap();
    let token = token.strip_prefix("token ").unwrap();
    match hub.users.lock().unwrap().get(token) {
        None => (StatusCode::FORBIDDEN, axum::Json(json!({}))),
        Some(name) => {
            let scopes = [format!("access:servers!server={name}/")];
            let user = json!({ "name": name, "kind": "user", "scopes": scopes });
            (StatusCode::OK, axum::Json(user))
        }
    }
}

/// What a server holds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) credentials: Credentials,
    pub(crate) end: Timestamp,
}

impl Held {
    pub(crate) fn key(&self) -> &str {
        self.credentials.access_key_id.as_str()
    }
}

/// A notebook server with a long-lived client: botocore's `RefreshableCredentials` over its
/// `ContainerProvider`.
pub(crate) struct Server {
    pub(crate) name: String,
    token: String,
    url: Url,
    http: reqwest::Client,
    /// How much its clock is ahead of the others.
    pub(crate) off: SignedDuration,
    pub(crate) held: Option<Held>,
}

impl Server {
    /// The client signs a request at `now`: what it signs with, or the error that the person sees.
    pub(crate) async fn sign(&mut self, now: Timestamp) -> Result<&Held, String> {
        let now = now + self.off;
        let left = self.held.as_ref().map(|held| held.end.duration_since(now));
        if left.is_none_or(|left| left < ADVISORY) {
            match self.fetch().await {
                Ok(held) => {
                    let over = held.end <= now;
                    self.held = Some(held);
                    if over {
                        return Err("the refreshed credentials are still expired".to_owned());
                    }
                }
                Err(why) if left.is_none_or(|left| left < MANDATORY) => return Err(why),
                Err(_) => {}
            }
        }
        self.held.as_ref().ok_or_else(|| "nothing".to_owned())
    }

    /// The portal is elsewhere now.
    pub(crate) fn move_to(&mut self, portal: &Url) {
        self.url = portal.join("jupyter/credentials?survey=m13").unwrap();
    }

    /// Returns what botocore gets, with its retries.
    async fn fetch(&self) -> Result<Held, String> {
        let mut tried = 0;
        loop {
            let outcome = self.ask().await;
            tried += 1;
            match outcome {
                Ok((200, body)) => return Ok(read(&body)),
                Ok((status, body)) if tried == TRIES => return Err(format!("{status} {body}")),
                Err(why) if tried == TRIES => return Err(why),
                _ => tokio::time::sleep(BETWEEN).await,
            }
        }
    }

    /// Asks once: the status and the body.
    pub(crate) async fn ask(&self) -> Result<(u16, Value), String> {
        let request = self.http.get(self.url.clone()).bearer_auth(&self.token);
        let answer = request.timeout(TIMEOUT).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = answer.json().await.map_err(|error| error.to_string())?;
        Ok((status, body))
    }
}

fn read(body: &Value) -> Held {
    let text = |name: &str| body[name].as_str().unwrap();
    let end: Timestamp = text("Expiration").parse().unwrap();
    Held {
        credentials: Credentials {
            access_key_id: AccessKeyId::new(text("AccessKeyId")),
            secret_access_key: Secret::new(text("SecretAccessKey")),
            session_token: Some(Secret::new(text("Token"))),
            expiration: Some(end),
        },
        end,
    }
}
