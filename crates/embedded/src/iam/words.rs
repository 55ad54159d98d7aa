//! Messages for the framework's own errors, from before any handler ran: an unknown path or method, a
//! body that is too long. The framework's responses are empty, or for programmers.

use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::answer::{fresh_json, scim_json};
use super::pages;

/// Responds to every path without a route.
pub(super) async fn no_such_path(uri: Uri) -> Response {
    response(
        &uri,
        StatusCode::NOT_FOUND,
        "this page does not exist; start at /dashboard",
    )
}

/// Rewrites the framework's errors; headers such as `Allow` stay.
pub(super) async fn in_our_words(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let original = next.run(request).await;
    let kind = original.headers().get(CONTENT_TYPE);
    let raw = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let message = match original.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            "this address does not accept that method; the header Allow lists the accepted methods"
        }
        StatusCode::PAYLOAD_TOO_LARGE => "the request is longer than 64 KiB; send a shorter one",
        StatusCode::BAD_REQUEST
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            "the address or the body cannot be read; check their encoding and the content type"
        }
        StatusCode::INTERNAL_SERVER_ERROR => "an internal error occurred; it has been logged",
        _ => return original,
    };
    if !raw {
        return original;
    }
    let mut rewritten = response(&uri, original.status(), message);
    for (name, value) in original.headers() {
        if !matches!(*name, CONTENT_TYPE | CONTENT_LENGTH) {
            rewritten.headers_mut().insert(name, value.clone());
        }
    }
    rewritten
}

/// Builds an error response in the format of that address.
fn response(uri: &Uri, status: StatusCode, message: &'static str) -> Response {
    let path = uri.path();
    if path.starts_with("/scim/") {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.as_str(),
            "detail": message,
        });
        scim_json(status, body)
    } else if path.starts_with("/iam/") {
        fresh_json(status, json!({ "error": message }))
    } else if path.starts_with("/.well-known/") || OAUTH.contains(&path) {
        let body = json!({ "error": "invalid_request", "error_description": message });
        fresh_json(status, body)
    } else {
        pages::message(status, "That did not work", &pages::sentence(message))
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
