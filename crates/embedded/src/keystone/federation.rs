//! Logging in with what IAM vouches for.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::answer::Refusal;
use super::caller::header;
use super::tokens::Token;
use super::{IDENTITY_PROVIDER, Keystone, PROTOCOL};

/// `GET` and `POST /v3/OS-FEDERATION/identity_providers/{idp}/protocols/{protocol}/auth`: an
/// unscoped token for the person whose IAM access token comes as a bearer.
pub(super) async fn auth(
    State(keystone): State<Arc<Keystone>>,
    Path((idp, protocol)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if idp != IDENTITY_PROVIDER {
        return Err(Refusal::not_found("Identity Provider", &idp));
    }
    if protocol != PROTOCOL {
        return Err(Refusal::not_found("federation protocol", &protocol));
    }
    let bearer = header(&headers, "authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let claims = bearer.and_then(|token| keystone.iam.verify_access_token(token));
    let account = claims.and_then(|claims| keystone.directory.usable(&claims.sub));
    let user = keystone
        .logged_in(&account.ok_or_else(Refusal::unauthorized)?)
        .await?;
    keystone.hand_out(
        Token::new(&user.id, PROTOCOL, None, keystone.clock.now()),
        false,
    )
}
