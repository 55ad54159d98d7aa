//! `/introspect` (RFC 7662) and `/revoke` (RFC 7009).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Iam;
use super::answer::{OAuthError, fresh_json};
use super::params::Params;
use super::userinfo::claims_about;

/// Tells a client with a secret what a token is worth now.
pub(super) async fn introspect(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    let params = Params::parse(&body)?;
    let client = iam.clients.authenticate_by_secret(&headers, &params)?;
    let token = params
        .find("token")
        .ok_or_else(|| OAuthError::invalid_request("there is no token"))?;
    let found = access_token(&iam, token).or_else(|| refresh_token(&iam, token, &client.client_id));
    Ok(fresh_json(
        StatusCode::OK,
        found.unwrap_or_else(|| json!({ "active": false })),
    ))
}

/// Ends a token of the client that asks: an access token alone, a refresh token with all that
/// came from the same login. Of a token that is not the client's, or no token, it says as little
/// as of one that it ended.
pub(super) async fn revoke(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    let params = Params::parse(&body)?;
    let client = iam.clients.authenticate(&headers, &params)?;
    let token = params
        .find("token")
        .ok_or_else(|| OAuthError::invalid_request("there is no token"))?;
    if let Some(claims) = iam
        .tokens
        .verify(token)
        .filter(|claims| claims.client_id == client.client_id)
    {
        iam.tokens.end_access_token(&claims).await?;
    } else if let Some(info) = iam
        .tokens
        .refresh_info(token)
        .filter(|info| info.grant.client_id == client.client_id)
    {
        iam.tokens.end_grant(&info.grant.id).await?;
    }
    Ok(StatusCode::OK.into_response())
}

fn access_token(iam: &Iam, token: &str) -> Option<Value> {
    let claims = iam.tokens.verify(token)?;
    let mut answer = json!({
        "active": true,
        "iss": claims.iss,
        "sub": claims.sub,
        "client_id": claims.client_id,
        "scope": claims.scope,
        "token_type": "Bearer",
        "jti": claims.jti,
        "iat": claims.iat,
        "nbf": claims.nbf,
        "exp": claims.exp,
    });
    if claims.sub == claims.client_id {
        iam.clients.find(&claims.client_id)?;
    } else {
        let account = iam.directory.usable(&claims.sub)?;
        answer["username"] = json!(account.username);
        for (name, value) in claims_about(&account, &claims.scope) {
            answer[name] = value;
        }
    }
    Some(answer)
}

fn refresh_token(iam: &Iam, token: &str, client_id: &str) -> Option<Value> {
    let info = iam
        .tokens
        .refresh_info(token)
        .filter(|info| info.grant.client_id == client_id)?;
    let account = iam.directory.usable(&info.grant.sub)?;
    Some(json!({
        "active": true,
        "iss": iam.issuer,
        "sub": account.sub,
        "username": account.username,
        "client_id": info.grant.client_id,
        "scope": info.grant.scope,
        "exp": info.expires.as_second(),
    }))
}
