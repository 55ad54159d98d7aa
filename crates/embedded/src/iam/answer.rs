//! Responses that are not pages: JSON, and errors in the format of each kind of endpoint.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::params::Repeated;
use crate::EmbeddedError;

/// Builds a JSON response that must not be cached.
pub(super) fn fresh_json<T: Serialize>(status: StatusCode, body: T) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Builds a SCIM response (RFC 7644 §3.1).
pub(super) fn scim_json<T: Serialize>(status: StatusCode, body: T) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/scim+json;charset=UTF-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (
        status,
        headers,
        serde_json::to_string(&body).unwrap_or_default(),
    )
        .into_response()
}

/// An error of an OAuth endpoint, RFC 6749 §5.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OAuthError {
    pub(super) code: &'static str,
    pub(super) description: Cow<'static, str>,
}

impl OAuthError {
    pub(super) fn new(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: description.into(),
        }
    }

    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn invalid_grant(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(super) fn invalid_client() -> Self {
        Self::new("invalid_client", "unknown client, or a wrong secret")
    }

    fn status(&self) -> StatusCode {
        match self.code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<EmbeddedError> for OAuthError {
    fn from(error: EmbeddedError) -> Self {
        tracing::error!(%error, "the embedded IAM failed");
        Self::new("server_error", "the IAM failed; try again")
    }
}

impl From<Repeated> for OAuthError {
    fn from(_: Repeated) -> Self {
        Self::invalid_request("a parameter is given more than once")
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.description });
        let mut response = fresh_json(self.status(), body);
        if self.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"iam\""),
            );
        }
        response
    }
}

/// An error of a protected resource: RFC 6750 §3 for the bearer, INDIGO's
/// `{"error": "…"}` for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ApiError {
    /// Neither token nor web session.
    NoLogin,
    /// A token that is forged, expired, revoked, or of an inactive account.
    BadToken,
    /// A token without the needed scope.
    Scope(&'static str),
    /// A person without the right.
    Forbidden(&'static str),
    /// A malformed request, or one that the present state does not allow.
    BadRequest(Cow<'static, str>),
    /// The resource does not exist.
    NotFound(Cow<'static, str>),
    /// The disk failed.
    Failed,
}

impl ApiError {
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::BadRequest(message.into())
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoLogin | Self::BadToken => StatusCode::UNAUTHORIZED,
            Self::Scope(_) | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn message(&self) -> Cow<'static, str> {
        match self {
            Self::NoLogin => "full authentication is required to access this resource".into(),
            Self::BadToken => "the token is not valid, has expired or was revoked".into(),
            Self::Scope(scope) => {
                format!("insufficient scope for this resource: it needs {scope}").into()
            }
            Self::Forbidden(why) => (*why).into(),
            Self::BadRequest(why) | Self::NotFound(why) => why.clone(),
            Self::Failed => "the IAM failed; try again".into(),
        }
    }

    fn challenge(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::NoLogin => "Bearer realm=\"iam\"".to_owned(),
            Self::BadToken => "Bearer realm=\"iam\", error=\"invalid_token\"".to_owned(),
            Self::Scope(scope) => {
                format!("Bearer realm=\"iam\", error=\"insufficient_scope\", scope=\"{scope}\"")
            }
            _ => return None,
        };
        HeaderValue::from_str(&text).ok()
    }

    fn with_challenge(&self, mut response: Response) -> Response {
        if let Some(challenge) = self.challenge() {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<EmbeddedError> for ApiError {
    fn from(error: EmbeddedError) -> Self {
        match error {
            EmbeddedError::NoSuchPerson(_) | EmbeddedError::NoSuchGroup(_) => {
                Self::bad_request(error.to_string())
            }
            error => {
                tracing::error!(%error, "the embedded IAM failed");
                Self::Failed
            }
        }
    }
}

impl From<Repeated> for ApiError {
    fn from(_: Repeated) -> Self {
        Self::bad_request("a parameter is given more than once")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = match &self {
            Self::NoLogin => {
                json!({ "error": "unauthorized", "error_description": self.message() })
            }
            Self::BadToken => {
                json!({ "error": "invalid_token", "error_description": self.message() })
            }
            Self::Scope(_) => {
                json!({ "error": "insufficient_scope", "error_description": self.message() })
            }
            Self::Forbidden(_) => {
                json!({ "error": "access_denied", "error_description": self.message() })
            }
            _ => json!({ "error": self.message() }),
        };
        self.with_challenge(fresh_json(self.status(), body))
    }
}

/// An error of a SCIM endpoint, RFC 7644 §3.12.
#[derive(Debug)]
pub(super) struct ScimError(pub(super) ApiError);

impl<E: Into<ApiError>> From<E> for ScimError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.as_str(),
            "detail": self.0.message(),
        });
        self.0.with_challenge(scim_json(status, body))
    }
}
