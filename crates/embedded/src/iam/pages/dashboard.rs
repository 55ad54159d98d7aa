//! `/dashboard`: a person's groups and requests, and what they manage.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use skykey_types::GroupPath;

use super::{Detour, Visitor, page, sentence, with_cookie};
use crate::iam::Iam;
use crate::iam::answer::ApiError;
use crate::iam::group_requests::{GroupRequest, Status};
use crate::iam::params::Params;
use crate::{Account, Group};

#[derive(Template)]
#[template(path = "iam/dashboard.html")]
struct DashboardPage<'a> {
    csrf: &'a str,
    account: &'a Account,
    full_name: String,
    ends: Option<String>,
    problem: Option<String>,
    mine: Vec<Group>,
    others: Vec<Group>,
    asked: Vec<OwnRequest>,
    managed: Vec<Managed>,
}

/// A request of the person's own.
struct OwnRequest {
    request: GroupRequest,
    when: String,
    state: &'static str,
}

/// A group that the person manages.
struct Managed {
    path: GroupPath,
    pending: Vec<Pending>,
    members: Vec<Member>,
}

struct Pending {
    request: GroupRequest,
    who: String,
    when: String,
}

struct Member {
    sub: String,
    who: String,
}

pub(in super::super) async fn show(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
) -> Result<Response, Detour> {
    let visitor = iam.visitor(&headers, "/dashboard")?;
    Ok(render(&iam, &headers, &visitor.account, None))
}

pub(in super::super) async fn join(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Detour> {
    act(&iam, &headers, &body, async |visitor, params| {
        iam.ask(&visitor.account, params.text("group"), params.text("notes"))
            .await
            .map(drop)
    })
    .await
}

pub(in super::super) async fn withdraw(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Detour> {
    act(&iam, &headers, &body, async |visitor, params| {
        let own = iam.requests.find(params.text("request"));
        match own.filter(|request| {
            request.sub == visitor.account.sub && request.status == Status::Pending
        }) {
            Some(request) => iam.requests.remove(&request.uuid).await,
            None => Err(ApiError::Forbidden("you have no such request pending")),
        }
    })
    .await
}

pub(in super::super) async fn approve(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Detour> {
    act(&iam, &headers, &body, async |visitor, params| {
        let request = managed_request(&iam, visitor, params)?;
        iam.approve(&request.uuid).await.map(drop)
    })
    .await
}

pub(in super::super) async fn reject(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Detour> {
    act(&iam, &headers, &body, async |visitor, params| {
        let request = managed_request(&iam, visitor, params)?;
        iam.reject(&request.uuid, params.text("motivation"))
            .await
            .map(drop)
    })
    .await
}

pub(in super::super) async fn remove(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Detour> {
    act(&iam, &headers, &body, async |visitor, params| {
        let group = params
            .text("group")
            .parse()
            .ok()
            .filter(|group| visitor.account.manages.contains(group));
        let group = group.ok_or(ApiError::Forbidden("you do not manage that group"))?;
        iam.directory
            .remove_from_group(params.text("person"), &group)
            .await?;
        Ok(())
    })
    .await
}

/// Does what a form of this page asks, then shows the page again, with what went wrong if
/// something did.
async fn act(
    iam: &Iam,
    headers: &HeaderMap,
    body: &[u8],
    act: impl AsyncFnOnce(&Visitor, &Params) -> Result<(), ApiError>,
) -> Result<Response, Detour> {
    let visitor = iam.visitor(headers, "/dashboard")?;
    let params = iam.form(headers, body)?;
    Ok(match act(&visitor, &params).await {
        Ok(()) => Redirect::to("/dashboard").into_response(),
        Err(error) => render(iam, headers, &visitor.account, Some(&error)),
    })
}

fn managed_request(
    iam: &Iam,
    visitor: &Visitor,
    params: &Params,
) -> Result<GroupRequest, ApiError> {
    let request = iam.requests.find(params.text("request"));
    let managed = request.filter(|request| visitor.account.manages.contains(&request.group));
    managed.ok_or(ApiError::Forbidden(
        "there is no such request to a group that you manage",
    ))
}

fn render(
    iam: &Iam,
    headers: &HeaderMap,
    account: &Account,
    problem: Option<&ApiError>,
) -> Response {
    let (csrf, cookie) = iam.sessions.csrf(headers);
    let requests = iam.requests.all();
    let mut own: Vec<_> = requests
        .iter()
        .filter(|request| request.sub == account.sub)
        .cloned()
        .collect();
    own.sort_by_key(|request| std::cmp::Reverse(request.created));
    let has_pending = |group: &Group| {
        own.iter()
            .any(|r| r.group == group.path && r.status == Status::Pending)
    };
    let (mine, others): (Vec<_>, Vec<_>) = iam
        .directory
        .groups()
        .into_iter()
        .partition(|group| account.groups.contains(&group.path));
    let people = iam.directory.people();
    let now = iam.clock.now();
    // A request to a group that nobody manages would wait for ever.
    let has_manager = |group: &Group| {
        people
            .iter()
            .any(|person| person.is_usable(now) && person.manages.contains(&group.path))
    };
    let others = others
        .into_iter()
        .filter(|group| has_manager(group) && !has_pending(group))
        .collect();
    let managed = account
        .manages
        .iter()
        .map(|path| managed(path, &requests, &people))
        .collect();
    let page_now = DashboardPage {
        csrf: &csrf,
        account,
        full_name: account.full_name(),
        ends: account.account_end.map(plain_time),
        problem: problem.map(|error| plainly(&error.message())),
        mine,
        others,
        asked: own.into_iter().map(OwnRequest::from).collect(),
        managed,
    };
    let status = problem.map_or(StatusCode::OK, ApiError::status);
    with_cookie(page(status, &page_now), cookie)
}

fn managed(path: &GroupPath, requests: &[GroupRequest], people: &[Account]) -> Managed {
    let name = |account: &Account| format!("{} ({})", account.full_name(), account.username);
    let pending = requests
        .iter()
        .filter(|request| request.group == *path && request.status == Status::Pending)
        .filter_map(|request| {
            let account = people.iter().find(|account| account.sub == request.sub)?;
            Some(Pending {
                request: request.clone(),
                who: name(account),
                when: plain_time(request.created),
            })
        })
        .collect();
    let members = people
        .iter()
        .filter(|account| account.groups.contains(path))
        .map(|account| Member {
            sub: account.sub.clone(),
            who: name(account),
        })
        .collect();
    Managed {
        path: path.clone(),
        pending,
        members,
    }
}

impl From<GroupRequest> for OwnRequest {
    fn from(request: GroupRequest) -> Self {
        let state = match request.status {
            Status::Pending => "waiting for the group's manager",
            Status::Approved => "approved",
            Status::Rejected => "rejected",
        };
        Self {
            when: plain_time(request.updated),
            state,
            request,
        }
    }
}

fn plain_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The API has INDIGO's words, which are for programs.
fn plainly(message: &str) -> String {
    let words = [
        (
            "group request already exists",
            "You have asked to join this group already. Its managers have not answered yet.",
        ),
        (
            "is already member of the group",
            "They are in this group already.",
        ),
        (
            "group request transition",
            "This request was answered already, here or in another window.",
        ),
        (
            "notes cannot be empty",
            "Tell the group's managers why you ask, in at most 2000 characters.",
        ),
        (
            "motivation cannot be empty",
            "Tell the person why, in at most 2000 characters.",
        ),
    ];
    let plain = words.iter().find(|(part, _)| message.contains(part));
    plain.map_or_else(|| sentence(message), |(_, words)| (*words).to_owned())
}
