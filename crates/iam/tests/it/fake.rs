//! An IAM that answers as it is told, with a clock that stands still.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use skykey_iam::{Iam, IamError, IamSettings, LoginStart};
use skykey_types::{ManualClock, Secret, Timestamp};
use skykey_upstream::UpstreamMetrics;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Notify};
use url::{Url, form_urlencoded};

pub(crate) const CLIENT: &str = "skykey";
pub(crate) const CLIENT_SECRET: &str = "the-client's-secret: 1";
pub(crate) const NOW: i64 = 1_795_507_200;

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) form: BTreeMap<String, String>,
    pub(crate) authorization: String,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    answers: BTreeMap<String, VecDeque<(u16, Value)>>,
    together: BTreeMap<String, Arc<Barrier>>,
    hanging: BTreeMap<String, Arc<Notify>>,
    seen: Vec<Seen>,
}

pub(crate) struct Fake {
    pub(crate) issuer: String,
    pub(crate) clock: ManualClock,
    pub(crate) key: Key,
    shared: Shared,
}

impl Fake {
    /// With discovery and one key.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared::default();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let fake = Self {
            clock: ManualClock::at(Timestamp::from_second(NOW).unwrap()),
            key: Key::new("first"),
            issuer,
            shared,
        };
        fake.set("/.well-known/openid-configuration", 200, fake.discovery());
        fake.set("/jwk", 200, json!({ "keys": [fake.key.public()] }));
        fake
    }

    pub(crate) fn discovery(&self) -> Value {
        let url = |path: &str| format!("{}/{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": url("authorize"),
            "token_endpoint": url("token"),
            "jwks_uri": url("jwk"),
            "userinfo_endpoint": url("userinfo"),
            "introspection_endpoint": url("introspect"),
            "device_authorization_endpoint": url("devicecode"),
            "revocation_endpoint": url("revoke"),
            "scim_endpoint": url("scim"),
            "id_token_signing_alg_values_supported": ["HS256", "RS256", "none"],
        })
    }

    /// What this path answers from now on.
    pub(crate) fn set(&self, path: &str, status: u16, body: Value) {
        self.script(path, vec![(status, body)]);
    }

    /// What this path answers, one after the other; the last for ever.
    pub(crate) fn script(&self, path: &str, answers: Vec<(u16, Value)>) {
        let mut inner = self.shared.0.lock().unwrap();
        inner.answers.insert(path.to_owned(), answers.into());
    }

    /// From now on this path answers when so many requests wait for it.
    pub(crate) fn answer_together(&self, path: &str, count: usize) {
        let mut inner = self.shared.0.lock().unwrap();
        let barrier = Arc::new(Barrier::new(count));
        inner.together.insert(path.to_owned(), barrier);
    }

    /// From now on this path takes requests and answers none of them.
    pub(crate) fn hang(&self, path: &str) {
        let mut inner = self.shared.0.lock().unwrap();
        inner.hanging.insert(path.to_owned(), Arc::default());
    }

    /// This path answers again, also those who wait.
    pub(crate) fn answer_again(&self, path: &str) {
        let hanging = self.shared.0.lock().unwrap().hanging.remove(path);
        if let Some(hanging) = hanging {
            hanging.notify_waiters();
        }
    }

    /// The requests of this path so far.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let inner = self.shared.0.lock().unwrap();
        let of_path = inner.seen.iter().filter(|seen| seen.path == path);
        of_path.cloned().collect()
    }

    pub(crate) fn settings(&self) -> IamSettings {
        IamSettings::new(
            self.issuer.parse().unwrap(),
            CLIENT,
            Secret::new(CLIENT_SECRET),
        )
    }

    pub(crate) fn iam(&self) -> Iam {
        self.iam_with(|_| {})
    }

    pub(crate) fn iam_with(&self, change: impl FnOnce(&mut IamSettings)) -> Iam {
        let mut settings = self.settings();
        change(&mut settings);
        let redirect = "http://127.0.0.1:8080/callback".parse().unwrap();
        let clock = Arc::new(self.clock.clone());
        Iam::new(settings, redirect, &UpstreamMetrics::default(), clock).unwrap()
    }

    /// The usual claims of a token that ends in an hour, with these changes; `null` removes one.
    pub(crate) fn claims(&self, changes: &Value) -> Value {
        let mut claims = json!({ "iss": self.issuer, "sub": "ada", "iat": NOW, "exp": NOW + 3600 });
        let all = claims.as_object_mut().unwrap();
        all.extend(changes.as_object().unwrap().clone());
        all.retain(|_, value| !value.is_null());
        claims
    }

    pub(crate) fn token(&self, changes: &Value) -> Secret {
        self.key.sign(&self.claims(changes))
    }

    /// Lets the token endpoint answer a login with an id token of these claims; the answer's access
    /// token is `an-access-token`.
    pub(crate) fn login_answer(&self, start: &LoginStart, changes: &Value) -> Value {
        let mut all = json!({ "aud": CLIENT, "nonce": in_url(&start.url, "nonce") });
        let more = changes.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(more);
        json!({
            "access_token": "an-access-token", "token_type": "bearer", "expires_in": 3600,
            "id_token": self.token(&all).expose(),
        })
    }
}

pub(crate) fn in_url(url: &Url, name: &str) -> String {
    let mut pairs = url.query_pairs();
    let (_, value) = pairs.find(|(key, _)| key == name).unwrap_or_default();
    value.into_owned()
}

/// An ES256 key.
pub(crate) struct Key {
    kid: String,
    sign: EncodingKey,
}

impl Key {
    pub(crate) fn new(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self {
            kid: kid.to_owned(),
            sign: EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()),
        }
    }

    pub(crate) fn public(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.sign, Algorithm::ES256).unwrap();
        key.common.key_id = Some(self.kid.clone());
        serde_json::to_value(key).unwrap()
    }

    pub(crate) fn sign(&self, claims: &Value) -> Secret {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.kid.clone());
        Secret::new(jsonwebtoken::encode(&header, claims, &self.sign).unwrap())
    }
}

async fn answer(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], String) {
    let pairs = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect();
    let authorization = headers.get(header::AUTHORIZATION);
    let together = shared.0.lock().unwrap().together.get(uri.path()).cloned();
    if let Some(barrier) = together {
        barrier.wait().await;
    }
    let hanging = shared.0.lock().unwrap().hanging.get(uri.path()).cloned();
    if let Some(hanging) = hanging {
        hanging.notified().await;
    }
    let mut inner = shared.0.lock().unwrap();
    inner.seen.push(Seen {
        method,
        path: uri.path().to_owned(),
        query: pairs(uri.query().unwrap_or_default().as_bytes()),
        form: pairs(&body),
        authorization: authorization
            .map_or("", |value| value.to_str().unwrap())
            .to_owned(),
    });
    let (status, body) = match inner.answers.get_mut(uri.path()) {
        None => (404, json!({ "error": "there is no such thing" })),
        Some(script) if script.len() > 1 => script.pop_front().unwrap(),
        Some(script) => script.front().unwrap().clone(),
    };
    (
        StatusCode::from_u16(status).unwrap(),
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
}

/// The text of an error, after looking for secrets in it.
pub(crate) fn text(error: &IamError, secrets: &[&str]) -> String {
    let all = format!("{error} {error:?}");
    for secret in secrets.iter().chain(&[CLIENT_SECRET]) {
        if secret.is_empty() {
            continue;
        }
        assert!(!all.contains(secret), "{secret} is in: {all}");
    }
    error.to_string()
}
