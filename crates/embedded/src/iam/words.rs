//! Words for what the framework refuses before any handler has seen it: a path or a method that there
//! is not, a body that is too long. Its own answers are empty, or for programmers.

use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::answer::{fresh_json, scim_json};
use super::pages;

/// For every path that there is not.
pub(super) async fn no_such_path(uri: Uri) -> Response {
    told(
        &uri,
        StatusCode::NOT_FOUND,
        "there is nothing at this address; start at /dashboard",
    )
}

/// Says it in our words; headers such as `Allow` stay.
pub(super) async fn in_our_words(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE);
    let raw = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let words = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            "this address does not accept that method; the header Allow names those that it takes"
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            "the request is longer than 64 KiB, which no form and no request here is; send less"
        }
        StatusCode::BAD_REQUEST
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            "the address or the body cannot be read; check their encoding and the content type"
        }
        StatusCode::INTERNAL_SERVER_ERROR => "something is wrong inside; it has been logged",
        _ => return response,
    };
    if !raw {
        return response;
    }
    let mut told = told(&uri, response.status(), words);
    for (name, value) in response.headers() {
        if !matches!(*name, CONTENT_TYPE | CONTENT_LENGTH) {
            told.headers_mut().insert(name, value.clone());
        }
    }
    told
}

/// In the shape of whoever is asked at that address.
fn told(uri: &Uri, status: StatusCode, words: &'static str) -> Response {
    let path = uri.path();
    if path.starts_with("/scim/") {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.as_str(),
            "detail": words,
        });
        scim_json(status, body)
    } else if path.starts_with("/iam/") {
        fresh_json(status, json!({ "error": words }))
    } else if path.starts_with("/.well-known/") || OAUTH.contains(&path) {
        let body = json!({ "error": "invalid_request", "error_description": words });
        fresh_json(status, body)
    } else {
        pages::message(status, "That did not work", &pages::sentence(words))
    }
}

const OAUTH: [&str; 6] = [
    "/jwk",
    "/token",
    "/devicecode",
    "/userinfo",
    "/introspect",
    "/revoke",
];
