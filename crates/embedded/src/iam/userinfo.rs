//! `/userinfo`, OpenID Connect Core 1.0 §5.3, with the claims of INDIGO's profile `iam`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::Iam;
use super::answer::{ApiError, fresh_json};
use super::caller::Caller;
use super::scope::Scope;
use crate::Account;

/// The claim `organisation_name`.
const ORGANISATION: &str = "skykey";

pub(super) async fn userinfo(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Caller::Person(account, scope) = iam.bearer(&headers)? else {
        return Err(ApiError::Forbidden(
            "a client's own token tells of no person",
        ));
    };
    if !scope.has("openid") {
        return Err(ApiError::Scope("openid"));
    }
    let mut claims = claims_about(&account, &scope);
    claims.insert("sub".to_owned(), account.sub.into());
    Ok(fresh_json(StatusCode::OK, claims))
}

/// What a scope lets a client know about a person, but for the `sub`. The groups are part of
/// `profile` and have no slash in front.
pub(super) fn claims_about(account: &Account, scope: &Scope) -> Map<String, Value> {
    let mut claims = json!({});
    if scope.has("profile") {
        claims = json!({
            "name": account.full_name(),
            "preferred_username": account.username,
            "given_name": account.given_name,
            "family_name": account.family_name,
            "updated_at": account.updated.as_second(),
            "organisation_name": ORGANISATION,
            "groups": account.groups,
        });
    }
    if scope.has("email") {
        claims["email"] = json!(account.email);
        claims["email_verified"] = json!(true);
    }
    match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    }
}
