//! What is signed verifies, and nothing else does.

use proptest::prelude::*;
use skykey_sigv4::*;
use skykey_types::{AccessKeyId, Credentials, Secret};

/// A request as a server receives it.
#[derive(Debug, Clone, PartialEq)]
struct Received {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

fn send(
    secret: &str,
    token: Option<String>,
    method: &str,
    key: &str,
    prefix: &str,
    payload: &[u8],
) -> Received {
    let path = format!("/bucket/{}", uri_encode(key));
    let query = encode_query([("prefix", prefix), ("list-type", "2")]);
    let credentials = Credentials {
        access_key_id: AccessKeyId::new("AKID"),
        secret_access_key: Secret::new(secret),
        session_token: token.map(Secret::new),
        expiration: None,
    };
    let payload_hash = &sha256_hex(payload);
    let headers = [("Host", "echo.example.org")];
    let request = Request {
        method,
        path: &path,
        query: &query,
        headers: &headers,
        payload_hash,
    };
    let now = "2026-11-23T09:00:00Z".parse().unwrap();
    let signed = sign_headers(&credentials, "default", "s3", now, &request);
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .chain(
            signed
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        )
        .collect();
    Received {
        method: method.to_owned(),
        path,
        query,
        headers,
    }
}

fn accept(secret: &str, received: &Received) -> bool {
    let header = |wanted: &str| {
        received
            .headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map_or("", |(_, value)| value.as_str())
    };
    let Ok(authorization) = header("authorization").parse::<Authorization>() else {
        return false;
    };
    let headers: Vec<(&str, &str)> = authorization
        .signed_headers
        .iter()
        .map(|name| (name.as_str(), header(name)))
        .collect();
    let canonical = canonical_request(&Request {
        method: &received.method,
        path: &received.path,
        query: &received.query,
        headers: &headers,
        payload_hash: header("x-amz-content-sha256"),
    });
    let text = string_to_sign(header("x-amz-date"), &authorization.scope, &canonical);
    SigningKey::derive(&Secret::new(secret), &authorization.scope)
        .verify(&text, &authorization.signature)
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_any_change_is_refused(
        secret in "[!-~]{1,40}",
        token in proptest::option::of("[A-Za-z0-9+/=]{1,60}"),
        method in "GET|PUT|DELETE|HEAD",
        key in "\\PC{1,20}",
        prefix in "\\PC{0,10}",
        payload in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let sent = send(&secret, token, &method, &key, &prefix, &payload);
        prop_assert!(accept(&secret, &sent));
        prop_assert!(!accept(&(secret.clone() + "x"), &sent));
        let mut changed = vec![sent.clone(), sent.clone(), sent.clone(), sent.clone()];
        changed[0].method = "POST".to_owned();
        changed[1].path.push('x');
        changed[2].query.push_str("&a=b");
        changed[3].query = changed[3].query.replace("list-type=2", "list-type=1");
        for index in 0..sent.headers.len() {
            let mut other = sent.clone();
            // One character, so that the header stays readable and only its content is another.
            let value = &mut other.headers[index].1;
            let last = if value.pop() == Some('0') { '1' } else { '0' };
            value.push(last);
            changed.push(other);
        }
        for other in changed {
            prop_assert!(!accept(&secret, &other), "{other:?}");
        }
    }

    #[test]
    fn any_text_is_answered(path in "\\PC*", query in "\\PC*", name in "\\PC*", value in "\\PC*") {
        let headers = [(name.as_str(), value.as_str())];
        let _ = canonical_request(&Request { method: "GET", path: &path, query: &query, headers: &headers, payload_hash: "" });
        let _ = value.parse::<Authorization>();
        let _ = format!("AWS4-HMAC-SHA256 {value}").parse::<Authorization>();
        let _ = value.parse::<Scope>();
        let _ = parse_amz_date(&value);
    }
}
