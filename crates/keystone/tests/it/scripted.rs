//! A server that gives tokens, counts, and otherwise does what a test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use serde_json::json;
use skykey_keystone::{DEFAULT_DOMAIN, Keystone, Login, ProjectRef, Settings};
use skykey_types::{ManualClock, Secret};
use skykey_upstream::UpstreamMetrics;
use tokio::net::TcpListener;
use url::Url;

pub(crate) const PASSWORD: &str = "hunter2 hunter2";
pub(crate) const NOW: &str = "2026-11-23T09:00:00Z";

pub(crate) struct Scripted {
    pub(crate) keystone: Keystone,
    pub(crate) clock: ManualClock,
    pub(crate) logins: Arc<AtomicUsize>,
    pub(crate) requests: Arc<AtomicUsize>,
}

/// What the server does.
pub(crate) struct Script {
    /// What a login answers; 201 gives `token-1`, `token-2` and so on, for an hour.
    pub(crate) login: StatusCode,
    /// What everything else answers, by the token it came with.
    pub(crate) answer: fn(&str) -> Response,
}

impl Scripted {
    pub(crate) async fn new(script: Script) -> Self {
        let (logins, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (login_count, request_count) = (Arc::clone(&logins), Arc::clone(&requests));
        let log_in = move || {
            let number = login_count.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                // Long enough for everybody to be waiting.
                tokio::time::sleep(Duration::from_millis(50)).await;
                if script.login != StatusCode::CREATED {
                    let error = json!({"error": {"code": 0, "message": format!("not with {PASSWORD}"), "title": ""}});
                    return (script.login, Json(error)).into_response();
                }
                let token = json!({"token": {
                    "user": {"id": "1", "name": "skykey"}, "project": {"id": "2", "name": "lsst"},
                    "roles": [{"id": "3", "name": "member"}], "expires_at": "2026-11-23T10:00:00.000000Z",
                }});
                (
                    StatusCode::CREATED,
                    [("x-subject-token", format!("token-{number}"))],
                    Json(token),
                )
                    .into_response()
            }
        };
        let others = move |headers: HeaderMap| {
            request_count.fetch_add(1, Ordering::SeqCst);
            let token = headers
                .get("x-auth-token")
                .map_or("", |token| token.to_str().unwrap());
            let answer = (script.answer)(token);
            async move { answer }
        };
        let router = Router::new()
            .route("/v3/auth/tokens", post(log_in).get(others.clone()))
            .fallback(any(others));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = ManualClock::at(NOW.parse().unwrap());
        let keystone = client(address, &clock);
        Self {
            keystone,
            clock,
            logins,
            requests,
        }
    }

    pub(crate) fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A client of whatever listens there.
pub(crate) fn client(address: SocketAddr, clock: &ManualClock) -> Keystone {
    let settings = Settings {
        url: Url::parse(&format!("http://{address}/v3")).unwrap(),
        login: login(),
        authorities: None,
        timeouts: None,
    };
    let metrics = UpstreamMetrics::default();
    Keystone::new(settings, &metrics, Arc::new(clock.clone())).unwrap()
}

fn login() -> Login {
    Login {
        username: "skykey".to_owned(),
        password: Secret::new(PASSWORD),
        user_domain: DEFAULT_DOMAIN.to_owned(),
        project: Some(ProjectRef {
            name: "lsst".to_owned(),
            domain: DEFAULT_DOMAIN.to_owned(),
        }),
    }
}

/// A list with no project in it.
pub(crate) fn no_projects() -> Response {
    Json(json!({"projects": []})).into_response()
}
