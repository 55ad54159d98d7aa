//! `/authorize`: RFC 6749 §4.1 with PKCE (RFC 7636), OpenID Connect Core 1.0 §3.1.2.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::SignedDuration;
use url::{Url, form_urlencoded};

use super::Iam;
use super::answer::OAuthError;
use super::clients::{ClientSeed, GrantType};
use super::pages;
use super::params::Params;
use super::tokens::Grant;

/// Redirects the browser to the client with a code, or first to the login page. For an unknown client or
/// redirect URI it shows the person an error, and never redirects.
pub(super) async fn authorize(
    State(iam): State<Arc<Iam>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Ok(params) = Params::parse(query.unwrap_or_default().as_bytes()) else {
        return refuse_on_page("A parameter of the address is given more than once.");
    };
    let Some(client) = params.find("client_id").and_then(|id| iam.clients.find(id)) else {
        return refuse_on_page("The application that sent you here is not known.");
    };
    let Some(redirect_uri) = params
        .find("redirect_uri")
        .filter(|uri| client.accepts_redirect(uri))
    else {
        return refuse_on_page(
            "The application that sent you here asked for a redirect to an address that is not registered for it.",
        );
    };
    let back = match step(&iam, client, &params, redirect_uri, &headers) {
        Ok(Step::LogIn { next }) => return Redirect::to(&login_url(&next)).into_response(),
        Ok(Step::Code(code)) => with_query(redirect_uri, &[("code", &code)], params.find("state")),
        Err(error) => {
            let error = [
                ("error", error.code),
                ("error_description", &error.description),
            ];
            with_query(redirect_uri, &error, params.find("state"))
        }
    };
    match back {
        Some(url) => Redirect::to(url.as_str()).into_response(),
        None => refuse_on_page("The application that sent you here gave an unusable address."),
    }
}

enum Step {
    LogIn { next: String },
    Code(String),
}

fn step(
    iam: &Iam,
    client: &ClientSeed,
    params: &Params,
    redirect_uri: &str,
    headers: &HeaderMap,
) -> Result<Step, OAuthError> {
    client.allows(GrantType::AuthorizationCode)?;
    if params.find("response_type") != Some("code") {
        return Err(OAuthError::new(
            "unsupported_response_type",
            "only response_type=code is offered",
        ));
    }
    if params.find("request").is_some() || params.find("request_uri").is_some() {
        return Err(OAuthError::new(
            "request_not_supported",
            "request objects are not offered",
        ));
    }
    let challenge = challenge(client, params)?;
    let scope = client.scope(params.find("scope"))?.of_a_person();
    let nonce = params.find("nonce").map(ToOwned::to_owned);
    if nonce.as_ref().is_some_and(|nonce| nonce.len() > 512) {
        return Err(OAuthError::invalid_request(
            "the nonce is longer than 512 characters",
        ));
    }
    let prompts: Vec<_> = params.text("prompt").split_ascii_whitespace().collect();
    if prompts.contains(&"none") && prompts.len() > 1 {
        return Err(OAuthError::invalid_request("prompt=none stands alone"));
    }
    let now = iam.clock.now();
    let max_age = params.number("max_age").map(SignedDuration::from_secs);
    let session = iam
        .sessions
        .find(headers, now)
        .filter(|session| iam.directory.usable(&session.sub).is_some())
        .filter(|session| max_age.is_none_or(|most| now.duration_since(session.auth_time) <= most))
        .filter(|_| !prompts.contains(&"login"));
    let Some(session) = session else {
        if prompts.contains(&"none") {
            return Err(OAuthError::new("login_required", "nobody is logged in"));
        }
        return Ok(Step::LogIn {
            next: after_login(params),
        });
    };
    let grant = Grant::new(
        &client.client_id,
        &session.sub,
        scope,
        session.auth_time,
        nonce,
    );
    iam.codes
        .issue(grant, redirect_uri, challenge, now)
        .map(Step::Code)
}

fn challenge(client: &ClientSeed, params: &Params) -> Result<Option<String>, OAuthError> {
    let Some(challenge) = params.find("code_challenge") else {
        return if client.secret.is_none() {
            Err(OAuthError::invalid_request(
                "a public client needs a code_challenge (PKCE)",
            ))
        } else {
            Ok(None)
        };
    };
    if params.find("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request(
            "only code_challenge_method=S256 is offered",
        ));
    }
    if challenge.len() != 43 {
        return Err(OAuthError::invalid_request(
            "a code_challenge by S256 has 43 characters",
        ));
    }
    Ok(Some(challenge.to_owned()))
}

/// Returns this request's address without its demand for a fresh login.
fn after_login(params: &Params) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in params
        .iter()
        .filter(|(name, _)| !matches!(*name, "prompt" | "max_age"))
    {
        query.append_pair(name, value);
    }
    format!("/authorize?{}", query.finish())
}

pub(super) fn login_url(next: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("/login?{query}")
}

fn with_query(redirect_uri: &str, pairs: &[(&str, &str)], state: Option<&str>) -> Option<Url> {
    let mut url = Url::parse(redirect_uri).ok()?;
    url.query_pairs_mut()
        .extend_pairs(pairs)
        .extend_pairs(state.map(|state| ("state", state)));
    Some(url)
}

fn refuse_on_page(why: &str) -> Response {
    pages::message(StatusCode::BAD_REQUEST, "This login cannot continue", why)
}
