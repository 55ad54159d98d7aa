//! A hub that answers as it is told.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use skykey_hub::{Hub, HubSettings};
use skykey_types::{ManualClock, Timestamp};
use skykey_upstream::UpstreamMetrics;
use tokio::net::TcpListener;

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) answer: Option<(u16, Value)>,
    pub(crate) seen: Vec<(String, String)>,
}

pub(crate) struct Fake {
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: ManualClock,
    pub(crate) inner: Arc<Mutex<Inner>>,
}

impl Fake {
    /// A hub whose address has `path` before `hub/`.
    pub(crate) async fn start(path: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner::default()));
        let router = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = ManualClock::at(Timestamp::from_second(1_795_507_200).unwrap());
        let settings = HubSettings {
            url: url.parse().unwrap(),
            authorities: None,
            metrics: UpstreamMetrics::default(),
        };
        let hub = Arc::new(Hub::new(settings, Arc::new(clock.clone())).unwrap());
        Self { hub, clock, inner }
    }

    pub(crate) fn say(&self, status: u16, body: Value) {
        self.inner.lock().unwrap().answer = Some((status, body));
    }

    /// Says that the token is that of ada's default server.
    pub(crate) fn know_ada(&self) {
        self.say(
            200,
            json!({
                "name": "ada", "kind": "user", "groups": ["lsst"], "admin": false, "token_id": "a7",
                "scopes": ["access:servers!server=ada/", "users:activity!user=ada"],
            }),
        );
    }

    /// Path and authorization of each request so far.
    pub(crate) fn seen(&self) -> Vec<(String, String)> {
        self.inner.lock().unwrap().seen.clone()
    }
}

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    uri: Uri,
    headers: HeaderMap,
) -> (StatusCode, axum::Json<Value>) {
    tokio::task::yield_now().await;
    let mut inner = inner.lock().unwrap();
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    inner.seen.push((uri.path().to_owned(), authorization));
    let (status, body) = inner.answer.clone().unwrap();
    (StatusCode::from_u16(status).unwrap(), axum::Json(body))
}
