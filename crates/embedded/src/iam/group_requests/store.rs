//! The group requests, in `iam-requests.json`.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skykey_types::GroupPath;
use tokio::sync::{Mutex, MutexGuard};

use super::super::answer::ApiError;
use crate::{EmbeddedError, StateFile};

/// Requests kept in all; decided ones go first, the oldest before the others.
const MAX_REQUESTS: usize = 10_000;
/// Pending requests of one person.
const MAX_PENDING_PER_PERSON: usize = 100;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(in super::super) enum Status {
    Pending,
    Approved,
    Rejected,
}

impl Status {
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        match text {
            "PENDING" => Ok(Self::Pending),
            "APPROVED" => Ok(Self::Approved),
            "REJECTED" => Ok(Self::Rejected),
            _ => Err(ApiError::bad_request(
                "the status is PENDING, APPROVED or REJECTED",
            )),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        }
    }
}

/// Somebody's wish to join a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct GroupRequest {
    pub(in super::super) uuid: String,
    pub(in super::super) sub: String,
    pub(in super::super) group: GroupPath,
    pub(in super::super) status: Status,
    pub(in super::super) notes: String,
    pub(in super::super) motivation: Option<String>,
    pub(in super::super) created: Timestamp,
    pub(in super::super) updated: Timestamp,
}

#[derive(Debug)]
pub(in super::super) struct GroupRequests {
    state: StateFile<BTreeMap<String, GroupRequest>>,
    deciding: Mutex<()>,
}

impl GroupRequests {
    pub(in super::super) fn open(path: &Path) -> Result<Self, EmbeddedError> {
        Ok(Self {
            state: StateFile::open(path)?,
            deciding: Mutex::default(),
        })
    }

    pub(in super::super) fn all(&self) -> Vec<GroupRequest> {
        self.state
            .read(|requests| requests.values().cloned().collect())
    }

    pub(in super::super) fn find(&self, id: &str) -> Option<GroupRequest> {
        self.state.read(|requests| requests.get(id).cloned())
    }

    /// Adds a request, unless its person has one pending for its group.
    pub(super) async fn add(
        &self,
        request: GroupRequest,
        username: &str,
    ) -> Result<GroupRequest, ApiError> {
        let username = username.to_owned();
        let add = move |requests: &mut BTreeMap<String, GroupRequest>| {
            let pending =
                |other: &&GroupRequest| other.sub == request.sub && other.status == Status::Pending;
            if requests
                .values()
                .filter(pending)
                .any(|other| other.group == request.group)
            {
                let why = format!(
                    "group request already exists for [{username}, {}]",
                    request.group
                );
                return Err(ApiError::bad_request(why));
            }
            if requests.values().filter(pending).count() >= MAX_PENDING_PER_PERSON {
                return Err(ApiError::bad_request("too many requests are pending"));
            }
            make_room(requests)?;
            requests.insert(request.uuid.clone(), request.clone());
            Ok(request)
        };
        self.state.try_update(add).await
    }

    pub(in super::super) async fn remove(&self, id: &str) -> Result<(), ApiError> {
        let id = id.to_owned();
        let remove = move |requests: &mut BTreeMap<String, GroupRequest>| {
            requests
                .remove(&id)
                .map(drop)
                .ok_or_else(|| no_such_request(&id))
        };
        self.state.try_update(remove).await
    }

    /// Removes what the person asked of the group; they were made a member another way.
    pub(in super::super) async fn remove_of(
        &self,
        sub: &str,
        group: &GroupPath,
    ) -> Result<(), EmbeddedError> {
        let is_meant = |request: &GroupRequest, sub: &str, group: &GroupPath| {
            request.sub == sub && request.group == *group
        };
        if !self.state.read(|requests| {
            requests
                .values()
                .any(|request| is_meant(request, sub, group))
        }) {
            return Ok(());
        }
        let (sub, group) = (sub.to_owned(), group.clone());
        self.state
            .update(move |requests| requests.retain(|_, request| !is_meant(request, &sub, &group)))
            .await
    }

    /// Held while one decision is made.
    pub(super) async fn deciding(&self) -> MutexGuard<'_, ()> {
        self.deciding.lock().await
    }

    /// The request, if it may still become `next`.
    pub(super) fn pending(&self, id: &str, next: Status) -> Result<GroupRequest, ApiError> {
        let request = self.find(id).ok_or_else(|| no_such_request(id))?;
        if request.status == Status::Pending {
            Ok(request)
        } else {
            Err(no_such_step(request.status, next))
        }
    }

    pub(super) async fn decide(
        &self,
        id: &str,
        status: Status,
        motivation: Option<String>,
        now: Timestamp,
    ) -> Result<GroupRequest, ApiError> {
        let id = id.to_owned();
        let decide = move |requests: &mut BTreeMap<String, GroupRequest>| {
            let request = requests.get_mut(&id).ok_or_else(|| no_such_request(&id))?;
            if request.status != Status::Pending {
                return Err(no_such_step(request.status, status));
            }
            request.status = status;
            request.motivation = motivation;
            request.updated = now;
            Ok(request.clone())
        };
        self.state.try_update(decide).await
    }
}

pub(super) fn no_such_request(id: &str) -> ApiError {
    let id: String = id.chars().take(64).collect();
    ApiError::bad_request(format!("group request with UUID [{id}] does not exist"))
}

fn no_such_step(from: Status, to: Status) -> ApiError {
    ApiError::bad_request(format!(
        "invalid group request transition: {} -> {}",
        from.as_str(),
        to.as_str()
    ))
}

fn make_room(requests: &mut BTreeMap<String, GroupRequest>) -> Result<(), ApiError> {
    if requests.len() < MAX_REQUESTS {
        return Ok(());
    }
    let decided = requests
        .values()
        .filter(|request| request.status != Status::Pending);
    let oldest = decided
        .min_by_key(|request| request.updated)
        .map(|request| request.uuid.clone());
    let oldest = oldest.ok_or_else(|| ApiError::bad_request("too many requests are pending"))?;
    requests.remove(&oldest);
    Ok(())
}
