//! `/scim`, to read: RFC 7643 and 7644 in INDIGO's dialect.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use serde_json::{Value, json};

use super::Iam;
use super::answer::{ApiError, ScimError, scim_json};
use super::caller::Caller;
use super::params::{Paging, Params};
use crate::{Account, Group};

const MAX_PAGE_ENTRIES: usize = 100;
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const INDIGO_USER: &str = "urn:indigo-dc:scim:schemas:IndigoUser";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const INDIGO_GROUP: &str = "urn:indigo-dc:scim:schemas:IndigoGroup";

pub(super) fn routes() -> Router<Arc<Iam>> {
    Router::new()
        .route("/scim/Me", get(me))
        .route("/scim/Users", get(users))
        .route("/scim/Users/{id}", get(user))
        .route("/scim/Groups", get(groups))
        .route("/scim/Groups/{id}", get(group))
}

/// The person who asks: by their own web session, or by a token with `scim:read`.
async fn me(
    State(iam): State<Arc<Iam>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let caller = iam.caller(&method, &headers)?;
    if !matches!(caller, Caller::Session(_)) && !caller.has_scope("scim:read") {
        return Err(ApiError::Scope("scim:read").into());
    }
    let account = caller
        .account()
        .ok_or_else(|| ApiError::bad_request("no user is linked to this token"))?;
    Ok(scim_json(StatusCode::OK, iam.scim_user(account)))
}

/// Everybody, for a token with `scim:read`.
async fn users(
    State(iam): State<Arc<Iam>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let caller = iam.caller(&method, &headers)?;
    if !caller.has_scope("scim:read") {
        return Err(caller.refusal("scim:read").into());
    }
    let paging = paging(query.as_deref())?;
    let people = iam.directory.people();
    Ok(scim_json(
        StatusCode::OK,
        list(&people, paging, |account| iam.scim_user(account)),
    ))
}

/// One person, for a token with `scim:read` or the manager of some group.
async fn user(
    State(iam): State<Arc<Iam>>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    reader(&iam, &method, &headers)?;
    let nobody = || ApiError::NotFound(format!("no user mapped to id '{}'", shortened(&id)).into());
    let account = iam.directory.by_sub(&id).ok_or_else(nobody)?;
    Ok(scim_json(StatusCode::OK, iam.scim_user(&account)))
}

/// Every group, for a token with `scim:read` or the manager of some group.
async fn groups(
    State(iam): State<Arc<Iam>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    reader(&iam, &method, &headers)?;
    let paging = paging(query.as_deref())?;
    let groups = iam.directory.groups();
    Ok(scim_json(
        StatusCode::OK,
        list(&groups, paging, |group| iam.scim_group(group)),
    ))
}

/// One group, for a token with `scim:read` or the manager of some group.
async fn group(
    State(iam): State<Arc<Iam>>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    reader(&iam, &method, &headers)?;
    let nothing =
        || ApiError::NotFound(format!("no group mapped to id '{}'", shortened(&id)).into());
    let group = iam.directory.group_by_id(&id).ok_or_else(nothing)?;
    Ok(scim_json(StatusCode::OK, iam.scim_group(&group)))
}

fn reader(iam: &Iam, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let caller = iam.caller(method, headers)?;
    if caller.has_scope("scim:read") || caller.is_a_manager() {
        Ok(())
    } else {
        Err(caller.refusal("scim:read"))
    }
}

fn paging(query: Option<&str>) -> Result<Paging, ApiError> {
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    if params
        .find("filter")
        .or_else(|| params.find("filters"))
        .is_some()
    {
        return Err(ApiError::bad_request("filters are not supported"));
    }
    Ok(Paging::of(&params, MAX_PAGE_ENTRIES))
}

/// A page of a list, RFC 7644 §3.4.2.
pub(super) fn list<T: Clone>(
    all: &[T],
    paging: Paging,
    show: impl Fn(&T) -> Value,
) -> impl Serialize {
    let page: Vec<Value> = paging
        .cut(all.iter().collect())
        .into_iter()
        .map(show)
        .collect();
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": all.len(),
        "itemsPerPage": page.len(),
        "startIndex": paging.start,
        "Resources": page,
    })
}

fn shortened(id: &str) -> String {
    id.chars().take(64).collect()
}

impl Iam {
    pub(super) fn scim_user(&self, account: &Account) -> Value {
        let member_of: Vec<Value> = account
            .groups
            .iter()
            .filter_map(|path| self.directory.group(path))
            .map(|group| self.group_reference(&group))
            .collect();
        let mut indigo = json!({ "serviceAccount": false });
        if let Some(end) = account.account_end {
            indigo["endTime"] = json!(format!("{end:.3}"));
        }
        json!({
            "id": account.sub,
            "meta": {
                "created": format!("{:.3}", account.created),
                "lastModified": format!("{:.3}", account.updated),
                "location": self.url(&format!("scim/Users/{}", account.sub)),
                "resourceType": "User",
            },
            "schemas": [USER, INDIGO_USER],
            "userName": account.username,
            "name": {
                "familyName": account.family_name,
                "givenName": account.given_name,
                "formatted": account.full_name(),
            },
            "displayName": account.username,
            "active": account.active,
            "emails": [{ "type": "work", "value": account.email, "primary": true }],
            "groups": member_of,
            INDIGO_USER: indigo,
        })
    }

    fn scim_group(&self, group: &Group) -> Value {
        let above = group
            .path
            .as_str()
            .rsplit_once('/')
            .and_then(|(above, _)| above.parse().ok());
        let mut indigo = json!({});
        if let Some(above) = above.and_then(|path| self.directory.group(&path)) {
            indigo["parentGroup"] = self.group_reference(&above);
        }
        if !group.description.is_empty() {
            indigo["description"] = json!(group.description);
        }
        json!({
            "id": group.id,
            "meta": {
                "created": format!("{:.3}", group.created),
                "lastModified": format!("{:.3}", group.created),
                "location": self.url(&format!("scim/Groups/{}", group.id)),
                "resourceType": "Group",
            },
            "schemas": [GROUP, INDIGO_GROUP],
            "displayName": group.path,
            INDIGO_GROUP: indigo,
        })
    }

    fn group_reference(&self, group: &Group) -> Value {
        json!({
            "display": group.path,
            "value": group.id,
            "$ref": self.url(&format!("scim/Groups/{}", group.id)),
        })
    }
}
