//! A portal and an IAM in one server, scripted, with a clock that stands still.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use skykey_client::{Client, Places};
use skykey_types::{ManualClock, SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const NOW: i64 = 1_795_507_200;
pub(crate) const ACCESS: &str = "the-access-token";
pub(crate) const REFRESH: &str = "the-refresh-token";
pub(crate) const SECRET_KEY: &str = "the-secret-access-key";

/// A request: method and path, who asked, and the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) what: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct Script {
    answers: BTreeMap<String, VecDeque<(u16, Value)>>,
    seen: Vec<Seen>,
}

type Shared = Arc<Mutex<Script>>;

pub(crate) struct Fake {
    pub(crate) url: String,
    pub(crate) clock: ManualClock,
    pub(crate) home: TempDir,
    shared: Shared,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let shared = Shared::default();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let fake = Self {
            clock: ManualClock::at(at(0)),
            home: tempfile::tempdir().unwrap(),
            url,
            shared,
        };
        let below = |path: &str| format!("{}{path}", fake.url);
        fake.set(
            "GET /.well-known/openid-configuration",
            200,
            json!({
                "issuer": fake.url, "authorization_endpoint": below("authorize"),
                "token_endpoint": below("token"), "jwks_uri": below("jwk"),
                "device_authorization_endpoint": below("devicecode"),
            }),
        );
        fake
    }

    pub(crate) fn client(&self) -> Client {
        let places = Places::at(self.home.path());
        Client::new(
            &places,
            self.url.parse().unwrap(),
            Arc::new(self.clock.clone()),
        )
        .unwrap()
    }

    /// With a login whose access token ends in so many seconds.
    pub(crate) fn logged_in(&self, left: i64) -> Client {
        let folder = self.folder();
        std::fs::create_dir_all(&folder).unwrap();
        let login = json!({
            "issuer": self.url, "client_id": "cli", "username": "ada", "name": "Ada",
            "access_token": ACCESS, "expires": at(left), "refresh_token": REFRESH,
        });
        std::fs::write(folder.join("login.json"), login.to_string()).unwrap();
        self.client()
    }

    /// The one portal's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        let name = self.url.replace(':', "%3A").replace('/', "%2F");
        self.home.path().join("portals").join(name)
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// What `METHOD /path` answers from now on.
    pub(crate) fn set(&self, what: &str, status: u16, body: Value) {
        self.script(what, vec![(status, body)]);
    }

    /// What it answers, one after the other; the last for ever.
    pub(crate) fn script(&self, what: &str, answers: Vec<(u16, Value)>) {
        let mut script = self.shared.lock().unwrap();
        script.answers.insert(what.to_owned(), answers.into());
    }

    /// The requests of this kind so far.
    pub(crate) fn seen(&self, what: &str) -> Vec<Seen> {
        let script = self.shared.lock().unwrap();
        let of_kind = script.seen.iter().filter(|seen| seen.what == what);
        of_kind.cloned().collect()
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

/// A lease as the portal shows it, that ends after so many seconds.
pub(crate) fn lease(id: &str, end: i64, state: &str) -> Value {
    json!({
        "id": id, "survey": "m13", "access": "read", "method": "gateway", "access_key_id": "AK",
        "issued": at(0), "expires": at(end), "state": state,
        "after_removal": { "code": "refused-at-once", "seen_within": 30, "words": "w" },
    })
}

/// The answer to `POST /api/v1/leases`.
pub(crate) fn granted(id: &str, end: i64) -> Value {
    json!({
        "lease": lease(id, end, "live"),
        "credentials": { "AccessKeyId": format!("AK-{id}"), "SecretAccessKey": SECRET_KEY, "SessionToken": "ST" },
        "s3": { "endpoint": "http://127.0.0.1:4/", "region": "us-east-1", "prefixes": ["m13/"] },
    })
}

pub(crate) fn no(code: &str) -> Value {
    json!({ "error": { "code": code, "message": format!("no: {code}"), "hint": "ask olive" } })
}

async fn answer(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], String) {
    let what = format!("{method} {}", uri.path());
    let mut script = shared.lock().unwrap();
    script.seen.push(Seen {
        what: what.clone(),
        authorization: headers
            .get(header::AUTHORIZATION)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let (status, body) = match script.answers.get_mut(&what) {
        None => (404, no("no_such_page")),
        Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
        Some(answers) => answers.front().unwrap().clone(),
    };
    (
        StatusCode::from_u16(status).unwrap(),
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
}
