//! Signing a request that is about to be sent.

use jiff::Timestamp;
use skykey_types::Credentials;

use crate::canonical::signed_headers;
use crate::{ALGORITHM, Request, Scope, SigningKey, amz_date, canonical_request, string_to_sign};

/// The headers that sign `request`: `x-amz-date`, `x-amz-content-sha256`, with a session token
/// `x-amz-security-token`, and `authorization`. Send them with the request, which must go out with
/// exactly the method, path, query and headers given here; headers not given are not signed.
///
/// `request.payload_hash` is the payload's [`sha256_hex`](crate::sha256_hex) or
/// [`UNSIGNED_PAYLOAD`](crate::UNSIGNED_PAYLOAD). `x-amz-content-sha256` is always among the signed headers, since Ceph
/// before Reef needs it for STS, too. Values hold secrets: do not log them.
pub fn sign_headers(
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: Timestamp,
    request: &Request<'_>,
) -> Vec<(&'static str, String)> {
    let time = amz_date(now);
    let scope = Scope::at(now, region, service);
    let mut added = vec![
        ("x-amz-date", time.clone()),
        ("x-amz-content-sha256", request.payload_hash.to_owned()),
    ];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token", token.expose().to_owned()));
    }
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let names = signed_headers(&headers);
    let canonical = canonical_request(&Request {
        headers: &headers,
        ..*request
    });
    let signature = SigningKey::derive(&credentials.secret_access_key, &scope)
        .sign(&string_to_sign(&time, &scope, &canonical));
    let access = &credentials.access_key_id;
    let authorization = format!(
        "{ALGORITHM} Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}"
    );
    added.push(("authorization", authorization));
    added
}
