//! The pages for people: hand-written HTML, one style sheet, no script, no foreign resource.

mod dashboard;
mod device;
mod login;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::Iam;
use super::authorize::{authorize, login_url};
use super::clients::Clients;
use super::params::Params;
use super::session::Session;
use super::words::{in_our_words, no_such_path};
use crate::Account;

pub(super) fn routes(clients: &Clients) -> Router<Arc<Iam>> {
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action {}; frame-ancestors 'none'; base-uri 'none'",
        clients.form_targets()
    );
    let policy =
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    Router::new()
        .route("/", get(|| async { Redirect::to("/dashboard") }))
        .route("/login", get(login::show).post(login::submit))
        .route("/logout", post(login::log_out))
        .route("/dashboard", get(dashboard::show))
        .route("/dashboard/join", post(dashboard::join))
        .route("/dashboard/withdraw", post(dashboard::withdraw))
        .route("/dashboard/approve", post(dashboard::approve))
        .route("/dashboard/reject", post(dashboard::reject))
        .route("/dashboard/remove", post(dashboard::remove))
        .route("/device", get(device::show).post(device::submit))
        .route("/authorize", get(authorize))
        .route("/static/iam.css", get(style))
        .fallback(no_such_path)
        .layer(middleware::from_fn(in_our_words))
        .layer(middleware::from_fn_with_state(policy, harden))
}

async fn style() -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, "text/css; charset=utf-8"),
            (CACHE_CONTROL, "max-age=3600"),
        ],
        skykey_look::STYLE,
    )
}

async fn harden(State(policy): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // `no-referrer` would make browsers send `Origin: null` with our own forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "iam/message.html")]
struct MessagePage<'a> {
    title: &'a str,
    message: &'a str,
}

pub(super) fn message(status: StatusCode, title: &str, message: &str) -> Response {
    page(status, &MessagePage { title, message })
}

/// Our messages start small and have no full stop; on a page they are sentences.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn page<T: Template>(status: StatusCode, template: &T) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Adds a cookie to an answer.
fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Somebody at the pages.
struct Visitor {
    account: Account,
    session: Session,
}

impl Iam {
    /// Who it is, or the way to the login page and from there to `here`.
    fn visitor(&self, headers: &HeaderMap, here: &str) -> Result<Visitor, Detour> {
        let session = self.sessions.find(headers, self.clock.now());
        session
            .and_then(|session| {
                let account = self.directory.usable(&session.sub)?;
                Some(Visitor { account, session })
            })
            .ok_or_else(|| Detour::LogIn {
                next: here.to_owned(),
            })
    }

    /// The fields of a form that one of our pages sent.
    fn form(&self, headers: &HeaderMap, body: &[u8]) -> Result<Params, Detour> {
        let params = Params::parse(body).map_err(|_| Detour::Stale)?;
        if self.sessions.is_ours(headers, params.text("csrf")) {
            Ok(params)
        } else {
            Err(Detour::Stale)
        }
    }
}

/// Why somebody sees another page than the one they asked for.
enum Detour {
    /// Nobody is logged in.
    LogIn { next: String },
    /// The form is not one of ours, or not of this session.
    Stale,
}

impl IntoResponse for Detour {
    fn into_response(self) -> Response {
        match self {
            Self::LogIn { next } => Redirect::to(&login_url(&next)).into_response(),
            Self::Stale => {
                let why = "It was sent from another place, or the page had been open for too long. \
                           Go back, load the page again and send it once more.";
                message(StatusCode::FORBIDDEN, "This form is no longer good", why)
            }
        }
    }
}
