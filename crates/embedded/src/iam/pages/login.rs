//! `/login` and `/logout`.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use skykey_types::Secret;
use url::Url;

use super::{Detour, page, with_cookie};
use crate::PasswordError;
use crate::iam::Iam;
use crate::iam::params::Params;

const HOME: &str = "/dashboard";

#[derive(Template)]
#[template(path = "iam/login.html")]
struct LoginPage<'a> {
    csrf: &'a str,
    next: &'a str,
    username: &'a str,
    problem: Option<&'a str>,
}

pub(in super::super) async fn show(
    State(iam): State<Arc<Iam>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let next = Params::parse(query.unwrap_or_default().as_bytes())
        .ok()
        .and_then(|params| params.find("next").map(ToOwned::to_owned))
        .unwrap_or_default();
    let (csrf, cookie) = iam.sessions.csrf(&headers);
    let form = LoginPage {
        csrf: &csrf,
        next: safe_place(&next, &iam.issuer),
        username: "",
        problem: None,
    };
    with_cookie(page(StatusCode::OK, &form), cookie)
}

pub(in super::super) async fn submit(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Detour> {
    let params = iam.form(&headers, &body)?;
    let next = safe_place(params.text("next"), &iam.issuer);
    let username = params.text("username").trim();
    let error = match iam
        .directory
        .check_password(username, &Secret::new(params.text("password")))
        .await
    {
        Ok(account) => {
            // A session that this browser had ends; the new one has a new cookie.
            iam.sessions.end(&headers);
            let cookie = iam.sessions.begin(&account.sub, iam.clock.now());
            return Ok(with_cookie(
                Redirect::to(next).into_response(),
                Some(cookie),
            ));
        }
        Err(error) => error,
    };
    let (status, problem) = match error {
        PasswordError::Wrong => (
            StatusCode::UNAUTHORIZED,
            "The username or the password is wrong.".to_owned(),
        ),
        PasswordError::Disabled => (
            StatusCode::FORBIDDEN,
            "This account is deactivated or has ended. Ask the people who run this service."
                .to_owned(),
        ),
        PasswordError::Throttled { retry_after } => {
            let seconds = whole_seconds(retry_after);
            (
                StatusCode::TOO_MANY_REQUESTS,
                format!("Too many failed attempts. Try again in {seconds} s."),
            )
        }
        PasswordError::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Passwords cannot be checked just now. Try again.".to_owned(),
        ),
    };
    let (csrf, cookie) = iam.sessions.csrf(&headers);
    let username: String = username.chars().take(64).collect();
    let form = LoginPage {
        csrf: &csrf,
        next,
        username: &username,
        problem: Some(&problem),
    };
    let mut response = with_cookie(page(status, &form), cookie);
    if let PasswordError::Throttled { retry_after } = error {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(whole_seconds(retry_after)));
    }
    Ok(response)
}

pub(in super::super) async fn log_out(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Detour> {
    iam.form(&headers, &body)?;
    let forget = iam.sessions.end(&headers);
    Ok(with_cookie(
        Redirect::to("/login").into_response(),
        Some(forget),
    ))
}

/// `next`, if it is a place on this site; otherwise the dashboard.
fn safe_place<'a>(next: &'a str, issuer: &Url) -> &'a str {
    let plain = next.starts_with('/') && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let here = plain
        && issuer
            .join(next)
            .is_ok_and(|url| url.origin() == issuer.origin());
    if here { next } else { HOME }
}

pub(super) fn whole_seconds(wait: jiff::SignedDuration) -> i64 {
    wait.as_secs() + i64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_no_other_site() {
        let issuer = Url::parse("http://127.0.0.1:9000/").unwrap();
        assert_eq!(
            safe_place("/authorize?a=b%20c", &issuer),
            "/authorize?a=b%20c"
        );
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "dashboard",
            "/\t/evil.example",
            "/a\r\nb",
            "///evil",
        ] {
            assert_eq!(safe_place(bad, &issuer), HOME, "{bad:?}");
        }
    }
}
