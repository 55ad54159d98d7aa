//! The secrets on the wire: what nobody but the two ends may ever see again.

use serde_json::Value;

use super::{Shared, lock};

/// Shorter ones would be found by chance.
const SHORTEST: usize = 12;
const FIELDS: [&str; 12] = [
    "access_token",
    "refresh_token",
    "id_token",
    "device_code",
    "client_secret",
    "password",
    "secret",
    "code",
    "code_verifier",
    "assertion",
    "SecretAccessKey",
    "SessionToken",
];

pub(super) fn of_request(shared: &Shared, headers: &[(String, String)], body: &[u8]) {
    of_headers(shared, headers);
    of_json(shared, body);
    for (name, value) in url::form_urlencoded::parse(body) {
        if FIELDS.contains(&name.as_ref()) {
            keep(shared, &value);
        }
    }
}

pub(super) fn of_answer(shared: &Shared, headers: &[(String, String)], body: &[u8]) {
    of_headers(shared, headers);
    of_json(shared, body);
    let text = String::from_utf8_lossy(body);
    for field in ["SecretAccessKey", "SessionToken"] {
        for rest in text.split(&format!("<{field}>")).skip(1) {
            keep(shared, rest.split('<').next().unwrap_or_default());
        }
    }
}

fn of_headers(shared: &Shared, headers: &[(String, String)]) {
    for (name, value) in headers {
        match name.as_str() {
            "x-auth-token" | "x-subject-token" | "x-amz-security-token" => keep(shared, value),
            // Bearer and Basic; a signature is none, and is good for one request.
            "authorization" if !value.starts_with("AWS4") => {
                keep(shared, value.split_once(' ').map_or("", |(_, rest)| rest));
            }
            _ => {}
        }
    }
}

fn of_json(shared: &Shared, body: &[u8]) {
    fn walk(shared: &Shared, value: &Value) {
        match value {
            Value::Array(all) => all.iter().for_each(|value| walk(shared, value)),
            Value::Object(all) => {
                for (name, value) in all {
                    match value.as_str() {
                        // A credential's blob is JSON in a text.
                        Some(blob) if name == "blob" => of_json(shared, blob.as_bytes()),
                        Some(text) if FIELDS.contains(&name.as_str()) => keep(shared, text),
                        _ => walk(shared, value),
                    }
                }
            }
            _ => {}
        }
    }
    if let Ok(value) = serde_json::from_slice(body) {
        walk(shared, &value);
    }
}

fn keep(shared: &Shared, text: &str) {
    if text.len() >= SHORTEST {
        lock(&shared.secrets).insert(text.to_owned());
    }
}
