//! Login through the IAM, and logout.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use skykey_types::Secret;

use super::session_with_csrf;
use crate::Portal;
use crate::error::Problem;

pub(crate) async fn begin(State(portal): State<Arc<Portal>>, headers: HeaderMap) -> Response {
    match portal.iam.begin_login().await {
        Ok(start) => {
            let to = start.url.to_string();
            (
                [(header::SET_COOKIE, portal.sessions.begin(&headers, start))],
                Redirect::to(&to),
            )
                .into_response()
        }
        Err(error) => Problem::from(error).page(),
    }
}

/// The parameters of the IAM's redirect (RFC 6749 §4.1.2).
#[derive(Deserialize)]
pub(crate) struct LoginRedirect {
    code: Option<Secret>,
    #[serde(default)]
    state: Secret,
    error: Option<String>,
}

pub(crate) async fn callback(
    State(portal): State<Arc<Portal>>,
    headers: HeaderMap,
    Query(redirect): Query<LoginRedirect>,
) -> Response {
    let Some(start) = portal.sessions.take_login(&headers, &redirect.state) else {
        if portal.sessions.of(&headers).is_some() {
            // The page was loaded again.
            return Redirect::to("/").into_response();
        }
        return Problem::bad_request(
            "this login was not begun in this browser, or took too long",
            "log in again",
        )
        .page();
    };
    let Some(code) = redirect.code else {
        let why = redirect.error.unwrap_or_default();
        tracing::info!(why, "the IAM redirected a browser without a login");
        return Problem::bad_request("the IAM did not log you in", "log in again").page();
    };
    match portal.iam.finish_login(&start, &code).await {
        Ok(login) => {
            tracing::info!(subject = %login.id, username = login.username, "logged in");
            if let Some(token) = &login.refresh_token
                && let Err(denied) = portal.broker.logged_in(&login.id, token).await
            {
                return Problem::from(denied).page();
            }
            (
                [(header::SET_COOKIE, portal.sessions.open(login))],
                Redirect::to("/"),
            )
                .into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "a login failed");
            Problem::from(error).page()
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Csrf {
    #[serde(default)]
    csrf: String,
}

pub(crate) async fn logout(
    State(portal): State<Arc<Portal>>,
    headers: HeaderMap,
    Form(form): Form<Csrf>,
) -> Response {
    match session_with_csrf(&portal, &headers, &form.csrf) {
        Ok(_) => (
            [(header::SET_COOKIE, portal.sessions.close(&headers))],
            Redirect::to("/"),
        )
            .into_response(),
        Err(problem) => problem.page(),
    }
}
