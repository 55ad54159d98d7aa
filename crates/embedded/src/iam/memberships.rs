//! `/iam/account/…`: who is in a group, made and ended directly.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::{get, post};

use super::Iam;
use super::answer::{ApiError, scim_json};
use super::params::{Paging, Params};
use super::scim::list;
use crate::{Account, Group};

pub(super) fn routes() -> Router<Arc<Iam>> {
    Router::new()
        .route(
            "/iam/account/{account}/groups/{group}",
            post(add).delete(remove),
        )
        .route("/iam/account/find/bygroup/{group}", get(members))
}

/// Makes a person a member, and forgets what they asked of the group. As INDIGO: 201, no body.
async fn add(
    State(iam): State<Arc<Iam>>,
    Path((account, group)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (account, group) = authorised(&iam, &method, &headers, &account, &group)?;
    iam.directory
        .add_to_group(&account.sub, &group.path)
        .await?;
    iam.requests.remove_of(&account.sub, &group.path).await?;
    Ok(StatusCode::CREATED.into_response())
}

/// Ends a membership. As INDIGO: 204.
async fn remove(
    State(iam): State<Arc<Iam>>,
    Path((account, group)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (account, group) = authorised(&iam, &method, &headers, &account, &group)?;
    iam.directory
        .remove_from_group(&account.sub, &group.path)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The members, for a token with `iam:admin.read`.
async fn members(
    State(iam): State<Arc<Iam>>,
    Path(group): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = iam.caller(&method, &headers)?;
    if !caller.has_scope("iam:admin.read") {
        return Err(caller.refusal("iam:admin.read"));
    }
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let group = iam
        .directory
        .group_by_id(&group)
        .ok_or_else(|| ApiError::NotFound("no such group".into()))?;
    let mut people = iam.directory.people();
    people.retain(|account| account.groups.contains(&group.path));
    let page = list(&people, Paging::of(&params, 100), |account| {
        iam.scim_user(account)
    });
    Ok(scim_json(StatusCode::OK, page))
}

/// The person and the group, if the caller is the group's manager or has `iam:admin.write`.
fn authorised(
    iam: &Iam,
    method: &Method,
    headers: &HeaderMap,
    account: &str,
    group: &str,
) -> Result<(Account, Group), ApiError> {
    let caller = iam.caller(method, headers)?;
    let group = iam.directory.group_by_id(group);
    let manages = group
        .as_ref()
        .is_some_and(|group| caller.manages(&group.path));
    if !manages && !caller.has_scope("iam:admin.write") {
        return Err(caller.refusal("iam:admin.write"));
    }
    let group = group.ok_or_else(|| ApiError::bad_request("no such group"))?;
    let account = iam
        .directory
        .by_sub(account)
        .ok_or_else(|| ApiError::bad_request("no such account"))?;
    Ok((account, group))
}
