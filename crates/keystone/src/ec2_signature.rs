//! Requests signed with an EC2 credential, in Keystone's format.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use jiff::Timestamp;
use serde_json::{Value, json};
use skykey_sigv4::{
    EMPTY_PAYLOAD, Request, Scope, SigningKey, amz_date, sign_headers, string_to_sign,
};
use skykey_types::{AccessKeyId, Credentials, Secret};

const REGION: &str = "default";
// Keystone accepts no other service at `s3tokens`.
const SERVICE: &str = "s3";
// A placeholder: the request is signed and never sent there.
const HOST: &str = "skykey.invalid";

/// The body of `POST /v3/s3tokens`: a string and its signature. The time makes each one unique.
pub(crate) fn for_s3tokens(access: &AccessKeyId, secret: &Secret, now: Timestamp) -> Value {
    let scope = Scope::at(now, REGION, SERVICE);
    let text = string_to_sign(
        &amz_date(now),
        &scope,
        "skykey asks whose credential this is",
    );
    let signature = SigningKey::derive(secret, &scope).sign(&text);
    json!({"credentials": {
        "access": access.as_str(),
        "token": URL_SAFE.encode(&text),
        "signature": signature,
    }})
}

/// The body of `POST /v3/ec2tokens`: a signed placeholder request.
pub(crate) fn for_ec2tokens(access: &AccessKeyId, secret: &Secret, now: Timestamp) -> Value {
    let credentials = Credentials {
        access_key_id: access.clone(),
        secret_access_key: secret.clone(),
        session_token: None,
        expiration: None,
    };
    let request = Request {
        method: "GET",
        path: "/",
        query: "",
        headers: &[("host", HOST)],
        payload_hash: EMPTY_PAYLOAD,
    };
    let mut headers = serde_json::Map::from_iter([("Host".to_owned(), json!(HOST))]);
    let mut signature = String::new();
    for (name, value) in sign_headers(&credentials, REGION, SERVICE, now, &request) {
        // Keystone requires this spelling of these two.
        let name = match name {
            "authorization" => "Authorization",
            "x-amz-date" => "X-Amz-Date",
            other => other,
        };
        if let Some((_, after)) = value.rsplit_once("Signature=") {
            after.clone_into(&mut signature);
        }
        headers.insert(name.to_owned(), json!(value));
    }
    json!({"credentials": {
        "access": access.as_str(), "signature": signature, "host": HOST, "verb": "GET", "path": "/",
        "params": {}, "headers": headers, "body_hash": EMPTY_PAYLOAD,
    }})
}
