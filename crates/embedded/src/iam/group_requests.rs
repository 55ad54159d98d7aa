//! `/iam/group_requests`: INDIGO's way to ask for the membership of a group.

mod store;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use store::{GroupRequest, GroupRequests, Status};

use super::Iam;
use super::answer::{ApiError, fresh_json};
use super::caller::Caller;
use super::params::{Paging, Params};
use crate::directory::uuid;
use crate::{Account, Group};

const MAX_PAGE_ENTRIES: usize = 10;
const MAX_TEXT_CHARS: usize = 2_000;

pub(super) fn routes() -> Router<Arc<Iam>> {
    Router::new()
        .route("/iam/group_requests", get(list).post(create))
        .route("/iam/group_requests/{id}", get(details).delete(withdraw))
        .route("/iam/group_requests/{id}/approve", post(approve))
        .route("/iam/group_requests/{id}/reject", post(reject))
}

#[derive(Deserialize)]
struct NewRequest {
    #[serde(alias = "group_name", rename = "groupName", default)]
    group_name: String,
    #[serde(default)]
    notes: String,
}

async fn create(
    State(iam): State<Arc<Iam>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let caller = iam.caller(&method, &headers)?;
    let account = caller
        .account()
        .ok_or(ApiError::Forbidden("only a person can ask for membership"))?;
    let wanted: NewRequest = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format!(
            "the request is not the JSON that was expected: {error}"
        ))
    })?;
    let request = iam.ask(account, &wanted.group_name, &wanted.notes).await?;
    Ok(iam.show(StatusCode::OK, &request))
}

/// A person sees their own requests; the manager of groups sees those of these groups; a token
/// with `iam:admin.read` sees all.
async fn list(
    State(iam): State<Arc<Iam>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = iam.caller(&method, &headers)?;
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let status = params.find("status").map(Status::parse).transpose()?;
    let sees_all = caller.has_scope("iam:admin.read");
    let account = match caller.account() {
        None if !sees_all => return Err(caller.refusal("iam:admin.read")),
        account => account,
    };
    let visible = |request: &GroupRequest| {
        sees_all
            || account.is_some_and(|account| {
                if account.manages.is_empty() {
                    request.sub == account.sub
                } else {
                    account.manages.contains(&request.group)
                }
            })
    };
    let mut found: Vec<(String, GroupRequest)> = Vec::new();
    for request in iam.requests.all().into_iter().filter(visible) {
        let username = iam
            .directory
            .by_sub(&request.sub)
            .map(|account| account.username)
            .unwrap_or_default();
        let wanted = params
            .find("username")
            .is_none_or(|wanted| wanted == username)
            && params
                .find("groupName")
                .is_none_or(|wanted| wanted == request.group.as_str())
            && status.is_none_or(|wanted| wanted == request.status);
        if wanted {
            found.push((username, request));
        }
    }
    found.sort_by(|(a_name, a), (b_name, b)| {
        (a_name, &a.group, a.created).cmp(&(b_name, &b.group, b.created))
    });
    let paging = Paging::of(&params, MAX_PAGE_ENTRIES);
    let total = found.len();
    let page: Vec<Value> = paging
        .cut(found)
        .iter()
        .map(|(_, request)| iam.request_json(request))
        .collect();
    let body = json!({
        "totalResults": total,
        "itemsPerPage": page.len(),
        "startIndex": paging.start,
        "Resources": page,
    });
    Ok(fresh_json(StatusCode::OK, body))
}

async fn details(
    State(iam): State<Arc<Iam>>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = iam.caller(&method, &headers)?;
    let request = iam.requests.find(&id);
    let own = request
        .as_ref()
        .is_some_and(|request| is_own(&caller, request) || caller.manages(&request.group));
    if !own && !caller.has_scope("iam:admin.read") {
        return Err(caller.refusal("iam:admin.read"));
    }
    let request = request.ok_or_else(|| store::no_such_request(&id))?;
    Ok(iam.show(StatusCode::OK, &request))
}

/// Takes a request back: one's own while it is pending, any as the group's manager or with
/// `iam:admin.write`.
async fn withdraw(
    State(iam): State<Arc<Iam>>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = iam.caller(&method, &headers)?;
    let may = iam.requests.find(&id).is_some_and(|request| {
        (is_own(&caller, &request) && request.status == Status::Pending)
            || caller.manages(&request.group)
    });
    if !may && !caller.has_scope("iam:admin.write") {
        return Err(caller.refusal("iam:admin.write"));
    }
    iam.requests.remove(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn approve(
    State(iam): State<Arc<Iam>>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = iam.caller(&method, &headers)?;
    decider(&iam, &caller, &id)?;
    let request = iam.approve(&id).await?;
    Ok(iam.show(StatusCode::OK, &request))
}

async fn reject(
    State(iam): State<Arc<Iam>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = iam.caller(&method, &headers)?;
    decider(&iam, &caller, &id)?;
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let request = iam.reject(&id, params.text("motivation")).await?;
    Ok(iam.show(StatusCode::OK, &request))
}

/// The group's manager, or `iam:admin.write`. Whether there is such a request is told to these
/// alone.
fn decider(iam: &Iam, caller: &Caller, id: &str) -> Result<(), ApiError> {
    let manages = iam
        .requests
        .find(id)
        .is_some_and(|request| caller.manages(&request.group));
    if manages || caller.has_scope("iam:admin.write") {
        Ok(())
    } else {
        Err(caller.refusal("iam:admin.write"))
    }
}

fn is_own(caller: &Caller, request: &GroupRequest) -> bool {
    caller
        .account()
        .is_some_and(|account| account.sub == request.sub)
}

impl Iam {
    /// Records that the person asks to join the group.
    pub(super) async fn ask(
        &self,
        account: &Account,
        group: &str,
        notes: &str,
    ) -> Result<GroupRequest, ApiError> {
        let group = self.existing_group(group)?;
        let notes = bounded(notes).ok_or_else(|| {
            ApiError::bad_request(format!(
                "invalid membership request: notes cannot be empty, nor longer than {MAX_TEXT_CHARS} characters"
            ))
        })?;
        if account.groups.contains(&group.path) {
            let why = format!(
                "user [{}] is already member of the group [{}]",
                account.username, group.path
            );
            return Err(ApiError::bad_request(why));
        }
        let now = self.clock.now();
        let request = GroupRequest {
            uuid: uuid(),
            sub: account.sub.clone(),
            group: group.path,
            status: Status::Pending,
            notes,
            motivation: None,
            created: now,
            updated: now,
        };
        self.requests.add(request, &account.username).await
    }

    /// Makes the person who asked a member.
    pub(super) async fn approve(&self, id: &str) -> Result<GroupRequest, ApiError> {
        // Nobody else decides in between. The membership comes first: a request that stays
        // pending after a failure can be approved again.
        let _deciding = self.requests.deciding().await;
        let request = self.requests.pending(id, Status::Approved)?;
        self.directory
            .add_to_group(&request.sub, &request.group)
            .await?;
        self.requests
            .decide(id, Status::Approved, None, self.clock.now())
            .await
    }

    /// Says no, and why.
    pub(super) async fn reject(
        &self,
        id: &str,
        motivation: &str,
    ) -> Result<GroupRequest, ApiError> {
        let motivation = bounded(motivation).ok_or_else(|| {
            let why = format!(
                "reject motivation cannot be empty, nor longer than {MAX_TEXT_CHARS} characters"
            );
            ApiError::bad_request(why)
        })?;
        let _deciding = self.requests.deciding().await;
        self.requests.pending(id, Status::Rejected)?;
        self.requests
            .decide(id, Status::Rejected, Some(motivation), self.clock.now())
            .await
    }

    pub(super) fn existing_group(&self, path: &str) -> Result<Group, ApiError> {
        let group = path
            .parse()
            .ok()
            .and_then(|path| self.directory.group(&path));
        group.ok_or_else(|| {
            ApiError::bad_request("invalid membership request: group does not exist")
        })
    }

    fn show(&self, status: StatusCode, request: &GroupRequest) -> Response {
        (status, Json(self.request_json(request))).into_response()
    }

    fn request_json(&self, request: &GroupRequest) -> Value {
        let account = self.directory.by_sub(&request.sub);
        let group = self.directory.group(&request.group);
        let mut shown = json!({
            "uuid": request.uuid,
            "userUuid": request.sub,
            "userFullName": account.as_ref().map(Account::full_name),
            "username": account.map(|account| account.username),
            "groupName": request.group,
            "groupUuid": group.map(|group| group.id),
            "status": request.status,
            "notes": request.notes,
            "creationTime": format!("{:.3}", request.created),
            "lastUpdateTime": format!("{:.3}", request.updated),
        });
        if let Some(motivation) = &request.motivation {
            shown["motivation"] = json!(motivation);
        }
        shown
    }
}

/// The text without blanks around it, if there is any and not too much.
fn bounded(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.chars().count() <= MAX_TEXT_CHARS).then(|| text.to_owned())
}
