//! The pages.
//!
//! | path | what | form fields |
//! |---|---|---|
//! | `GET /` | the surveys, the person's leases; before login, a welcome | |
//! | `GET /login` | redirects to the IAM | |
//! | `GET /login/callback` | the IAM's redirect | |
//! | `POST /logout` | ends the web session | `csrf` |
//! | `POST /leases` | issues a lease; its credentials are in the response, once | `csrf`, `survey`, `lifetime`, `method`, `access` |
//! | `POST /leases/{id}/return` | gives a lease back | `csrf` |

mod home;
mod lease;
mod login;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use skykey_types::Secret;

use crate::Portal;
use crate::error::Problem;
use crate::sessions::WebSession;

pub(crate) fn routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/", get(home::page))
        .route("/login", get(login::begin))
        .route("/login/callback", get(login::callback))
        .route("/logout", post(login::logout))
        .route("/leases", post(lease::create))
        .route("/leases/{id}/return", post(lease::give_back))
}

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
