//! The pages. `routes.rs` says where they are and what a request has to carry.

pub(crate) mod home;
pub(crate) mod lease;
pub(crate) mod login;

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use skykey_types::Secret;

use crate::Portal;
use crate::error::Problem;
use crate::sessions::WebSession;

/// Returns the session of a request that changes something, if its form has that session's CSRF token.
fn session_with_csrf(
    portal: &Portal,
    headers: &HeaderMap,
    csrf: &str,
) -> Result<WebSession, Problem> {
    let session = portal.sessions.of(headers).ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "you are not logged in",
            "log in at the front page, /",
        )
    })?;
    if session.csrf != Secret::new(csrf) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "bad_form",
            "the form did not come from this portal, or is from an earlier login",
            "go back to the front page and send it again",
        ));
    }
    Ok(session)
}

fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
