//! A portal and an IAM in one server, scripted, with a clock that stands still.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use skykey_client::{Client, Entry, Keep, Keyring, KeyringError, LoggedIn, Places};
use skykey_types::{LoginPorts, ManualClock, Secret, SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const NOW: i64 = 1_795_507_200;
pub(crate) const ACCESS: &str = "the-access-token";
pub(crate) const REFRESH: &str = "the-refresh-token";
const KEYSTONE_TOKEN: header::HeaderName = header::HeaderName::from_static("x-auth-token");
const SUBJECT_TOKEN: header::HeaderName = header::HeaderName::from_static("x-subject-token");
pub(crate) const SECRET_KEY: &str = "the-secret-access-key";

/// A request: method and path, who asked (`X-Auth-Token: …` if by a token of Keystone), and the body.
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

/// A keyring that gives and takes, or says no.
#[derive(Debug, Default)]
pub(crate) struct FakeKeyring {
    pub(crate) kept: Mutex<Option<(Entry, Secret)>>,
    pub(crate) no: Mutex<Option<&'static str>>,
}

impl FakeKeyring {
    fn answers(&self) -> Result<(), KeyringError> {
        match *self.no.lock().unwrap() {
            Some(why) => Err(KeyringError(why.to_owned())),
            None => Ok(()),
        }
    }

    pub(crate) fn refuse(&self, why: &'static str) {
        *self.no.lock().unwrap() = Some(why);
    }

    /// The secret that it holds.
    pub(crate) fn secret(&self) -> Option<String> {
        let kept = self.kept.lock().unwrap();
        kept.as_ref().map(|(_, secret)| secret.expose().to_owned())
    }
}

#[async_trait::async_trait]
impl Keyring for FakeKeyring {
    async fn put(&self, entry: &Entry, secret: &Secret) -> Result<(), KeyringError> {
        self.answers()?;
        *self.kept.lock().unwrap() = Some((entry.clone(), secret.clone()));
        Ok(())
    }

    async fn get(&self, entry: &Entry) -> Result<Option<Secret>, KeyringError> {
        self.answers()?;
        let kept = self.kept.lock().unwrap().clone();
        Ok(kept.filter(|(of, _)| of == entry).map(|(_, secret)| secret))
    }

    async fn remove(&self, entry: &Entry) -> Result<(), KeyringError> {
        self.answers()?;
        self.kept.lock().unwrap().take_if(|(of, _)| of == entry);
        Ok(())
    }
}

pub(crate) struct Fake {
    pub(crate) keyring: Arc<FakeKeyring>,
    pub(crate) url: String,
    pub(crate) clock: ManualClock,
    pub(crate) home: TempDir,
    key: Key,
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
            keyring: Arc::default(),
            clock: ManualClock::at(at(0)),
            home: tempfile::tempdir().unwrap(),
            key: Key::new(),
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
                "revocation_endpoint": below("revoke"),
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
        .with_keyring(self.keyring.clone())
    }

    /// A portal at which people can log in, at an IAM whose tokens we sign.
    pub(crate) fn offers_logins(&self) {
        let site = json!({
            "portal": self.url, "issuer": self.url, "client_id": "cli", "login_ports": "any",
            "s3": "x", "region": "y", "version": "z",
        });
        self.set("GET /api/v1/site", 200, site);
        self.set("GET /jwk", 200, json!({ "keys": [self.key.public()] }));
        let device = json!({
            "device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": self.url,
            "expires_in": 600, "interval": 1,
        });
        self.set("POST /devicecode", 200, device);
    }

    /// The token endpoint's answer to a login of ada's.
    pub(crate) fn login_answer(&self, nonce: Option<&str>) -> Value {
        let claims = json!({
            "iss": self.url, "sub": "1815", "aud": "cli", "iat": NOW, "exp": NOW + 3600,
            "preferred_username": "ada", "name": "Ada", "nonce": nonce,
        });
        json!({
            "access_token": ACCESS, "refresh_token": REFRESH, "token_type": "bearer", "expires_in": 3600,
            "id_token": self.key.sign(&claims),
        })
    }

    /// Logs ada in with a browser, which takes no time.
    pub(crate) async fn log_in(&self, client: &Client, keep: Keep) -> LoggedIn {
        self.offers_logins();
        let redirect = LoginPorts::redirect(28_411).parse().unwrap();
        let login = client.begin_browser_login(redirect).await.unwrap();
        let nonce = login.url().query_pairs().find(|(name, _)| name == "nonce");
        let answer = self.login_answer(Some(&nonce.unwrap().1));
        self.set("POST /token", 200, answer);
        let code = Secret::new("code");
        let done = client.finish_browser_login(&login, &code, keep).await;
        done.unwrap()
    }

    /// `login.json` as it is.
    pub(crate) fn login_file(&self) -> Value {
        let bytes = std::fs::read(self.folder().join("login.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
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

/// The IAM's key, ES256.
struct Key(EncodingKey);

impl Key {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self(EncodingKey::from_ec_der(
            pair.to_pkcs8v1().unwrap().as_ref(),
        ))
    }

    fn public(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.0, Algorithm::ES256).unwrap();
        key.common.key_id = Some("k".to_owned());
        serde_json::to_value(key).unwrap()
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k".to_owned());
        jsonwebtoken::encode(&header, claims, &self.0).unwrap()
    }
}

async fn answer(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, String); 2], String) {
    let what = format!("{method} {}", uri.path());
    let mut script = shared.lock().unwrap();
    script.seen.push(Seen {
        what: what.clone(),
        authorization: [
            (header::AUTHORIZATION, ""),
            (KEYSTONE_TOKEN, "X-Auth-Token: "),
        ]
        .into_iter()
        .filter_map(|(name, before)| {
            let value = headers.get(name)?.to_str().unwrap();
            Some(format!("{before}{value}"))
        })
        .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let (status, body) = match script.answers.get_mut(&what) {
        None => (404, no("no_such_page")),
        Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
        Some(answers) => answers.front().unwrap().clone(),
    };
    let subject_token = body["subject_token"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (
        StatusCode::from_u16(status).unwrap(),
        [
            (header::CONTENT_TYPE, "application/json".to_owned()),
            // Where Keystone puts a token.
            (SUBJECT_TOKEN, subject_token),
        ],
        body.to_string(),
    )
}
