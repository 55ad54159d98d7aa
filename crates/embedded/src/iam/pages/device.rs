//! `/device`: where a person types a device's code and says yes or no.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::login::whole_seconds;
use super::{Detour, message, page, with_cookie};
use crate::iam::Iam;
use crate::iam::device::{Question, UserCodeError};
use crate::iam::params::Params;

#[derive(Template)]
#[template(path = "iam/device.html")]
struct DevicePage<'a> {
    csrf: &'a str,
    username: &'a str,
    user_code: &'a str,
    problem: Option<String>,
    question: Option<&'a Question>,
}

/// The form; the code may come with the address (RFC 8628 §3.3.1), the question only after the
/// person has sent it.
pub(in super::super) async fn show(
    State(iam): State<Arc<Iam>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Detour> {
    let query = query.unwrap_or_default();
    let here = if query.is_empty() {
        "/device".to_owned()
    } else {
        format!("/device?{query}")
    };
    let visitor = iam.visitor(&headers, &here)?;
    let typed = Params::parse(query.as_bytes())
        .ok()
        .and_then(|params| params.find("user_code").map(shortened));
    let (csrf, cookie) = iam.sessions.csrf(&headers);
    let form = DevicePage {
        csrf: &csrf,
        username: &visitor.account.username,
        user_code: typed.as_deref().unwrap_or_default(),
        problem: None,
        question: None,
    };
    Ok(with_cookie(page(StatusCode::OK, &form), cookie))
}

pub(in super::super) async fn submit(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Detour> {
    let visitor = iam.visitor(&headers, "/device")?;
    let params = iam.form(&headers, &body)?;
    let typed = shortened(params.text("user_code"));
    let (sub, now) = (&visitor.account.sub, iam.clock.now());
    let asked = match params.find("decision") {
        None => iam.devices.question(&typed, sub, now).map(Some),
        Some(decision) => {
            let approve = decision == "approve";
            iam.devices
                .decide(&typed, sub, visitor.session.auth_time, approve, now)
                .map(|()| None)
        }
    };
    let (status, problem, question) = match asked {
        Ok(Some(question)) => (StatusCode::OK, None, Some(question)),
        Ok(None) if params.text("decision") == "approve" => {
            let why = "The device is logged in as you. You can close this page.";
            return Ok(message(StatusCode::OK, "Done", why));
        }
        Ok(None) => {
            let why = "The device was not logged in. You can close this page.";
            return Ok(message(StatusCode::OK, "Refused", why));
        }
        Err(UserCodeError::Unknown) => {
            let problem =
                "There is no such code, or it has expired. Look at the device again.".to_owned();
            (StatusCode::BAD_REQUEST, Some(problem), None)
        }
        Err(UserCodeError::Throttled(wait)) => {
            let problem = format!(
                "Too many wrong codes. Try again in {} s.",
                whole_seconds(wait)
            );
            (StatusCode::TOO_MANY_REQUESTS, Some(problem), None)
        }
    };
    let (csrf, cookie) = iam.sessions.csrf(&headers);
    let form = DevicePage {
        csrf: &csrf,
        username: &visitor.account.username,
        user_code: &typed,
        problem,
        question: question.as_ref(),
    };
    Ok(with_cookie(page(status, &form), cookie))
}

fn shortened(typed: &str) -> String {
    typed.chars().take(16).collect()
}
