//! Errors in Keystone's format, and parsing of request bodies.

use std::borrow::Cow;

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{EmbeddedError, PasswordError};

/// An error, as `{"error": {"code", "message", "title"}}`.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: Cow<'static, str>,
    retry_after: Option<i64>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
        }
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401 without a reason, which would help an attacker.
    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "The request you have made requires authentication.",
        )
    }

    /// 401 with a reason, for callers who proved who they are.
    pub(super) fn unauthorized_because(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403; `action` is the name of the policy, or the reason.
    pub(super) fn forbidden(action: &str) -> Self {
        let message = format!("You are not authorized to perform the requested action: {action}.");
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 403 for tokens with a part of a person's rights.
    pub(super) fn delegated() -> Self {
        Self::forbidden("Delegated tokens cannot access credentials directly")
    }

    /// 404.
    pub(super) fn not_found(what: &str, id: &str) -> Self {
        let id: String = id.chars().filter(|c| !c.is_control()).take(100).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            format!("Could not find {what}: {id}."),
        )
    }

    /// 404 that does not repeat the request.
    pub(super) fn not_found_because(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409.
    pub(super) fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 503.
    pub(super) fn unavailable(message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// 500; what happened is for the log.
    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "the embedded keystone failed");
        let message = "An unexpected error prevented the server from fulfilling your request.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl From<EmbeddedError> for Refusal {
    fn from(error: EmbeddedError) -> Self {
        Self::internal(&error)
    }
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Wrong | PasswordError::Disabled => Self::unauthorized(),
            PasswordError::Throttled { retry_after } => Self {
                status: StatusCode::TOO_MANY_REQUESTS,
                message: error.to_string().into(),
                retry_after: Some(retry_after.as_secs().max(1)),
            },
            PasswordError::Unavailable => {
                Self::unavailable("Passwords cannot be checked just now.")
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = json!({"error": {"code": self.status.as_u16(), "message": self.message, "title": title}});
        let mut response = (self.status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Keystone"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// JSON that nobody may keep.
pub(super) fn fresh(status: StatusCode, body: serde_json::Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Reads a body. What is wrong is told by its place, since it may hold a password.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Refusal::bad_request(format!(
            "The body is not the JSON expected here (line {line}, column {column})."
        ))
    })
}

pub(super) async fn no_such_page() -> Refusal {
    Refusal::not_found_because("The resource could not be found.")
}

pub(super) async fn no_such_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "The method is not allowed for the requested URL.",
    )
}

/// Says in Keystone's shape what the framework refused before any handler saw it: a body that is too long, a
/// path that is no text.
pub(super) async fn in_keystones_shape(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE);
    let raw = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let message = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "Request is too large: more than 64 KiB.",
        StatusCode::BAD_REQUEST => "The request cannot be read.",
        _ => return response,
    };
    if raw {
        Refusal::new(response.status(), message).into_response()
    } else {
        response
    }
}
