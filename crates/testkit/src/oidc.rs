//! An OpenID provider: discovery, a signing key, and answers by path as a test says.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use url::Url;

use crate::{Request, Response, Server};

/// The provider, until it is dropped.
#[derive(Debug)]
pub struct Provider {
    /// Its issuer, with a `/` at its end.
    pub issuer: Url,
    /// The key whose public half `/jwk` serves.
    pub key: SigningKey,
    answers: Arc<Mutex<Answers>>,
    server: Server,
}

/// By path; the last of each stays.
type Answers = BTreeMap<String, VecDeque<(u16, Value)>>;

impl Provider {
    /// Starts one with discovery and one key, that knows no opaque token.
    pub async fn start() -> io::Result<Self> {
        let answers = Arc::new(Mutex::new(Answers::new()));
        let served = Arc::clone(&answers);
        let server = Server::start(move |request| answer(&served, request)).await?;
        let provider = Self {
            issuer: server.url.clone(),
            key: SigningKey::new("first"),
            answers,
            server,
        };
        provider.set(
            "/.well-known/openid-configuration",
            200,
            provider.discovery(),
        );
        provider.set("/introspect", 200, json!({ "active": false }));
        provider.set("/jwk", 200, json!({ "keys": [provider.key.public()] }));
        Ok(provider)
    }

    /// Returns its discovery document.
    pub fn discovery(&self) -> Value {
        let url = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": url("authorize"),
            "token_endpoint": url("token"),
            "jwks_uri": url("jwk"),
            "userinfo_endpoint": url("userinfo"),
            "introspection_endpoint": url("introspect"),
            "device_authorization_endpoint": url("devicecode"),
            "revocation_endpoint": url("revoke"),
        })
    }

    /// Answers requests of `path` so from now on.
    pub fn set(&self, path: &str, status: u16, body: Value) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(path.to_owned(), [(status, body)].into());
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }
}

fn answer(answers: &Mutex<Answers>, request: &Request) -> Response {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    let script = answers.get_mut(request.path());
    let (status, body) = match script {
        Some(script) if script.len() > 1 => script.pop_front().unwrap_or_default(),
        Some(script) => script.front().cloned().unwrap_or_default(),
        None => (404, json!({ "error": "there is no such thing" })),
    };
    Response::new(status, body.to_string()).header("content-type: application/json")
}

/// An ES256 key of an issuer.
pub struct SigningKey {
    kid: String,
    key: EncodingKey,
}

impl SigningKey {
    /// Makes a key of that id.
    pub fn new(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = pair.and_then(|pair| pair.to_pkcs8v1());
        let document = document.expect("a key can be made");
        Self {
            kid: kid.to_owned(),
            key: EncodingKey::from_ec_der(document.as_ref()),
        }
    }

    /// Returns its public half as a JWK.
    pub fn public(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.key, Algorithm::ES256)
            .expect("an ES256 key has a public half");
        key.common.key_id = Some(self.kid.clone());
        json!(key)
    }

    /// Signs a token.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key).expect("JSON can be signed")
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}
