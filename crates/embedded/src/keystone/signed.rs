//! `/v3/s3tokens` and `/v3/ec2tokens`: the signer of a request, if they still have access.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use skykey_sigv4::{
    ALGORITHM, Authorization, Request, Scope, SigningKey, canonical_request, encode_query,
    parse_amz_date, string_to_sign,
};
use skykey_types::Secret;

use super::Keystone;
use super::answer::{Refusal, fresh, parse};
use super::caller::Caller;
use super::seed::Role;
use super::tokens::Token;

/// How far a signature's time may be from ours (`[credential] auth_ttl`).
const TIME_WINDOW: SignedDuration = SignedDuration::from_mins(15);
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
struct Body<T> {
    #[serde(alias = "credential", alias = "ec2Credentials")]
    credentials: T,
}

/// The body of `s3tokens`: the string to sign, base64, with its signature.
#[derive(Deserialize)]
struct S3 {
    access: String,
    token: String,
    signature: String,
}

/// The body of `ec2tokens`: the signed request.
#[derive(Deserialize)]
struct Ec2 {
    access: String,
    signature: String,
    host: String,
    verb: String,
    path: String,
    #[serde(default)]
    params: BTreeMap<String, String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body_hash: String,
}

/// `POST /v3/s3tokens`. The response describes a token without containing it.
pub(super) async fn s3tokens(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, Refusal> {
    let asked: S3 = read(&caller, "identity:s3tokens_validate", &body)?;
    let signer = keystone.signer(&asked.access, |secret| asked.is_signed_by(secret))?;
    Ok(fresh(StatusCode::OK, keystone.describe(&signer, true)))
}

/// `POST /v3/ec2tokens`. The token is given out; it is a delegated one.
pub(super) async fn ec2tokens(
    State(keystone): State<Arc<Keystone>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, Refusal> {
    let asked: Ec2 = read(&caller, "identity:ec2tokens_validate", &body)?;
    let now = keystone.clock.now();
    let in_time = |time| {
        parse_amz_date(time).is_some_and(|time| now.duration_since(time).abs() <= TIME_WINDOW)
    };
    let signer = keystone.signer(&asked.access, |secret| {
        asked.time().is_some_and(in_time) && asked.is_signed_by(secret)
    })?;
    let mut response = fresh(StatusCode::OK, keystone.describe(&signer, true));
    let token = keystone.tokens.issue(signer.token, now)?;
    let mut value =
        HeaderValue::from_str(token.expose()).map_err(|error| Refusal::internal(&error))?;
    value.set_sensitive(true);
    response.headers_mut().insert("x-subject-token", value);
    Ok(response)
}

/// Parses the body for a service or an administrator. Anybody else with a presigned URL could turn its
/// signature into a token (CVE-2025-65073).
fn read<T: DeserializeOwned>(caller: &Caller, action: &str, body: &[u8]) -> Result<T, Refusal> {
    if !caller.roles.contains(&Role::Service) {
        caller.must_be_admin(action)?;
    }
    parse::<Body<T>>(body).map(|body| body.credentials)
}

impl Keystone {
    /// The owner of the credential, with a token of their rights in its project, if `is_signed`
    /// with its secret and the owner may still log in and has a role left there.
    fn signer(&self, access: &str, is_signed: impl Fn(&Secret) -> bool) -> Result<Caller, Refusal> {
        let credential = self
            .ec2(access)
            .ok_or_else(|| Refusal::not_found_because("EC2 access key not found."))?;
        if !is_signed(&self.unseal(&credential)?) {
            return Err(Refusal::unauthorized_because(
                "Credential signature mismatch",
            ));
        }
        let token = Token::new(
            &credential.user_id,
            "ec2credential",
            Some(credential.project_id),
            self.clock.now(),
        );
        self.with_rights(token)
            .ok_or_else(|| Refusal::unauthorized_because("User not valid for project."))
    }
}

impl S3 {
    fn is_signed_by(&self, secret: &Secret) -> bool {
        // Clients use either alphabet.
        let token = self.token.replace('+', "-").replace('/', "_");
        let Some(text) = BASE64
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
        else {
            return false;
        };
        let lines: Vec<&str> = text.split('\n').collect();
        let [algorithm, _time, scope, _hash] = lines[..] else {
            return false;
        };
        let Ok(scope) = scope.parse::<Scope>() else {
            return false;
        };
        algorithm == ALGORITHM
            && scope.service() == "s3"
            && SigningKey::derive(secret, &scope).verify(&text, &self.signature)
    }
}

impl Ec2 {
    /// Returns a header; names are case-insensitive.
    fn header(&self, wanted: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// The time that was signed. Keystone knows it in this spelling only.
    fn time(&self) -> Option<&str> {
        let time = self.headers.get("X-Amz-Date").map(String::as_str);
        time.or_else(|| self.param("X-Amz-Date"))
    }

    fn authorization(&self) -> Option<Authorization> {
        if let Some(header) = self.headers.get("Authorization") {
            return header.parse().ok();
        }
        let (algorithm, credential) = (
            self.param("X-Amz-Algorithm")?,
            self.param("X-Amz-Credential")?,
        );
        Authorization::from_query(
            algorithm,
            credential,
            self.param("X-Amz-SignedHeaders")?,
            &self.signature,
        )
        .ok()
    }

    fn is_signed_by(&self, secret: &Secret) -> bool {
        let (Some(authorization), Some(time)) = (self.authorization(), self.time()) else {
            return false;
        };
        let belongs = authorization.access_key_id.as_str() == self.access
            && parse_amz_date(time).is_some_and(|time| authorization.scope.covers(time));
        let without_port = self.host.rsplit_once(':').map(|(host, _)| host);
        belongs
            && [Some(self.host.as_str()), without_port]
                .into_iter()
                .flatten()
                .any(|host| {
                    let text = string_to_sign(
                        time,
                        &authorization.scope,
                        &self.canonical(&authorization, host),
                    );
                    SigningKey::derive(secret, &authorization.scope).verify(&text, &self.signature)
                })
    }

    /// The canonical request. `host` stands in where the headers do not hold it.
    fn canonical(&self, authorization: &Authorization, host: &str) -> String {
        let value = |name: &str| {
            if name == "host" {
                Some(host)
            } else {
                self.header(name)
            }
        };
        let headers: Vec<(&str, &str)> = authorization
            .signed_headers
            .iter()
            .map(|name| (name.as_str(), value(name).unwrap_or_default()))
            .collect();
        let query = encode_query(
            self.params
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        canonical_request(&Request {
            method: &self.verb.to_ascii_uppercase(),
            path: &self.path,
            query: &query,
            headers: &headers,
            payload_hash: &self.body_hash,
        })
    }
}
