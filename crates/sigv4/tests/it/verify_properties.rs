//! What our signer signs, we verify; what was changed on the way, we refuse; whatever arrives, we
//! answer.

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use skykey_sigv4::*;
use skykey_types::{Credentials, Secret};

use crate::request::{Received, SECRET, credentials, now, presigned_query};

/// The names that decide something, and some others.
const NAMES: [&str; 10] = [
    "authorization",
    "host",
    "date",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "x-amz-meta-a",
    "range",
];

/// Requests near those that are accepted.
fn nearly() -> impl Strategy<Value = Received> {
    let value = "[ -~\u{e9}]{0,12}|[0-9]{0,9}|AWS4-HMAC-SHA256 [ -~]{0,60}";
    let header = (0..NAMES.len(), value, 0_u8..3);
    let edits = proptest::collection::vec(header, 0..3);
    let query = "|[a-c=&%+0-9]{0,8}|X-Amz-(Expires|Date|Signature|Algorithm)=[a-z0-9%]{0,8}";
    let auth = proptest::option::of(("[ -~]{1,3}", "[ -~]{0,3}"));
    (any::<bool>(), edits, query, auth).prop_map(|(presigned, edits, query, auth)| {
        let mut request = if presigned {
            Received::presigned(&[])
        } else {
            Received::get()
        };
        if !query.is_empty() {
            request.query = format!("{}&{query}", request.query);
        }
        if let (Some((from, to)), false) = (auth, presigned) {
            let text = request.headers["authorization"].to_str().unwrap();
            let text = text.replacen(&from, &to, 1);
            request
                .headers
                .insert("authorization", text.parse().unwrap());
        }
        for (name, value, how) in edits {
            let name = HeaderName::from_static(NAMES[name]);
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            match how {
                0 => drop(request.headers.insert(name, value)),
                1 => drop(request.headers.append(name, value)),
                // What is not signed is not verified.
                _ if name == "authorization" => {}
                _ => drop(request.headers.remove(name)),
            }
        }
        request
    })
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_any_change_is_refused(
        secret in "[!-~]{1,40}",
        token in proptest::option::of("[A-Za-z0-9+/=]{1,60}"),
        method in "GET|PUT|DELETE|HEAD",
        key in "\\PC{1,20}",
        parameters in proptest::collection::btree_map("\\PC{1,6}", "\\PC{0,6}", 0..5),
        meta in "[!-~][ -~]{0,20}",
        payload in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let credentials = Credentials {
            secret_access_key: Secret::new(secret.clone()),
            session_token: token.map(Secret::new),
            ..credentials()
        };
        prop_assume!(!parameters.keys().any(|name| name == "Signature" || name == "AWSAccessKeyId"));
        let query = encode_query(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let headers = [("host", "echo.example.org"), ("x-amz-meta-a", &meta)];
        let path = format!("/bucket/{}", uri_encode(&key));
        let sent = Received::new(&method, &path, &query, &headers)
            .signed(&credentials, "s3", &sha256_hex(&payload));
        let verify = |request: &Received| request.verify_at(&secret, now(), None);
        prop_assert!(verify(&sent).is_ok());
        prop_assert!(sent.verify_at(&(secret.clone() + "x"), now(), None).is_err());
        let mut changed = vec![sent.clone(), sent.clone(), sent.clone()];
        changed[0].method = http::Method::POST;
        changed[1].path.push('x');
        changed[2].query.push_str("&an-other=b");
        for name in sent.headers.keys() {
            // One character, so that the header stays readable and only its content is another.
            let value = sent.headers[name].to_str().unwrap();
            let last = if value.ends_with('0') { "1" } else { "0" };
            let mut other = sent.clone();
            let value = format!("{}{last}", &value[..value.len() - 1]);
            other.headers.insert(name.clone(), value.parse().unwrap());
            changed.push(other);
        }
        for other in changed {
            prop_assert!(verify(&other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_query_is_read_as_it_was_written(
        parameters in proptest::collection::btree_map("\\PC{1,8}", "\\PC{0,8}", 0..8),
    ) {
        let pairs = || parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let raw = encode_query(pairs());
        let query = Query::parse(&raw).unwrap();
        prop_assert!(query.iter().eq(pairs()));
        for (name, value) in pairs() {
            prop_assert_eq!(query.get(name), Some(value));
        }
        prop_assert_eq!(query.len(), parameters.len());
    }

    #[test]
    fn any_query_is_answered(raw in "\\PC*|[a-c=&%+0-9]{0,20}") {
        if let Ok(query) = Query::parse(&raw) {
            for (name, value) in query.iter() {
                prop_assert_eq!(query.get(name), Some(value));
            }
            prop_assert_eq!(&query.clone().into_owned(), &query);
        }
    }

    /// A small fuzzer, which continuous integration runs; the large one is in `fuzz`.
    #[test]
    fn a_request_near_an_accepted_one_is_answered(request in nearly()) {
        if let Err(refusal) = request.verify() {
            prop_assert!(!refusal.code().is_empty() && refusal.status().is_client_error()
                || refusal.code() == "NotImplemented");
            prop_assert!(!refusal.to_string().contains(SECRET));
        }
    }
}

#[test]
fn a_presigned_query_with_one_more_parameter_is_refused() {
    let query = presigned_query("X-Amz-Expires=60&X-Amz-SignedHeaders=host");
    let mut request = Received::new("GET", "/bucket/key", &query, &[("host", "h")]);
    assert!(request.verify().is_ok());
    request.query.push_str("&versionId=1");
    assert_eq!(request.refusal(), Refusal::SignatureDoesNotMatch);
}
