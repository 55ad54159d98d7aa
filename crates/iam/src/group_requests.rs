//! INDIGO's group requests: a person asks to join, somebody else decides, in working hours.

use std::collections::BTreeSet;
use std::fmt;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};
use skykey_types::{GroupPath, Secret, Timestamp};

use crate::http::{Answer, Ask};
use crate::{Iam, IamError};

const JOIN: &str = "ask to join a group";
const LIST: &str = "list group requests";
const APPROVE: &str = "approve a group request";
const REJECT: &str = "reject a group request";
const WITHDRAW: &str = "withdraw a group request";
const PATH: &str = "iam/group_requests";
/// INDIGO gives no more at once.
const PAGE_SIZE: usize = 10;
/// Nobody looks at more.
const MAX_REQUESTS: usize = 1_000;

/// Somebody's wish to join a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRequest {
    /// Its id at the IAM.
    pub id: String,
    /// The `sub` of who asks.
    pub sub: String,
    /// Their login name.
    pub username: String,
    /// Their name for people.
    pub full_name: String,
    /// The group, as the IAM spells it.
    pub group: String,
    /// How it stands.
    pub status: RequestStatus,
    /// Why they ask.
    pub notes: String,
    /// Why it was rejected.
    pub motivation: Option<String>,
    /// When they asked.
    pub created: Option<Timestamp>,
    /// When something last happened.
    pub updated: Option<Timestamp>,
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestStatus {
    /// Waiting for a person.
    Pending,
    /// They are a member.
    Approved,
    /// They are not, and were told why.
    Rejected,
}

impl fmt::Display for RequestStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        })
    }
}

/// Which requests are wanted; every field narrows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupRequestFilter {
    /// Those of the person with this login name.
    pub username: Option<String>,
    /// Those for this group.
    pub group: Option<GroupPath>,
    /// Those that stand so.
    pub status: Option<RequestStatus>,
}

/// INDIGO writes camelCase; releases were seen that write snake_case.
#[derive(Deserialize)]
struct Wire {
    uuid: String,
    #[serde(alias = "user_uuid", rename = "userUuid")]
    user_uuid: Option<String>,
    username: Option<String>,
    #[serde(alias = "user_full_name", rename = "userFullName")]
    user_full_name: Option<String>,
    #[serde(alias = "group_name", rename = "groupName")]
    group_name: String,
    status: RequestStatus,
    notes: Option<String>,
    motivation: Option<String>,
    #[serde(alias = "creation_time", rename = "creationTime")]
    creation_time: Option<Moment>,
    #[serde(alias = "last_update_time", rename = "lastUpdateTime")]
    last_update_time: Option<Moment>,
}

/// RFC 3339, or Java's milliseconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Text(String),
    Milliseconds(Number),
}

impl Moment {
    fn at(self) -> Option<Timestamp> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Milliseconds(number) => Timestamp::from_millisecond(number.as_i64()?).ok(),
        }
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(alias = "total_results", rename = "totalResults")]
    total: usize,
    #[serde(alias = "resources", rename = "Resources", default)]
    resources: Vec<Wire>,
}

impl From<Wire> for GroupRequest {
    fn from(wire: Wire) -> Self {
        Self {
            id: wire.uuid,
            sub: wire.user_uuid.unwrap_or_default(),
            username: wire.username.unwrap_or_default(),
            full_name: wire.user_full_name.unwrap_or_default(),
            group: wire.group_name,
            status: wire.status,
            notes: wire.notes.unwrap_or_default(),
            motivation: wire.motivation.filter(|text| !text.is_empty()),
            created: wire.creation_time.and_then(Moment::at),
            updated: wire.last_update_time.and_then(Moment::at),
        }
    }
}

impl Iam {
    /// Asks to join `group` in the name of whose token it is. The notes are for who decides; INDIGO
    /// wants some.
    pub async fn ask_to_join(
        &self,
        token: &Secret,
        group: &GroupPath,
        notes: &str,
    ) -> Result<GroupRequest, IamError> {
        let body = json!({ "groupName": group, "notes": notes });
        let ask = Ask::post(JOIN, self.requests_url(&[])).json(&body);
        let answer = self.group_call(JOIN, ask, token, "").await?;
        Ok(answer.json::<Wire>()?.into())
    }

    /// The requests that whose token it is may see: a person their own, a manager those for their
    /// groups, an administrator all. INDIGO lists none to a client's own token. More than a thousand are an error that says to
    /// narrow the filter.
    pub async fn group_requests(
        &self,
        token: &Secret,
        filter: &GroupRequestFilter,
    ) -> Result<Vec<GroupRequest>, IamError> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let mut start = 1;
        loop {
            let mut url = self.requests_url(&[]);
            {
                let mut query = url.query_pairs_mut();
                if let Some(username) = &filter.username {
                    query.append_pair("username", username);
                }
                if let Some(group) = &filter.group {
                    query.append_pair("groupName", group.as_str());
                }
                if let Some(status) = filter.status {
                    query.append_pair("status", &status.to_string());
                }
                query
                    .append_pair("count", &PAGE_SIZE.to_string())
                    .append_pair("startIndex", &start.to_string());
            }
            let ask = Ask::get(LIST, url);
            let answer = self.group_call(LIST, ask, token, "iam:admin.read").await?;
            let page: Page = answer.json()?;
            let length = page.resources.len();
            for wire in page.resources {
                let request = GroupRequest::from(wire);
                // One that comes in between moves the others along.
                if seen.insert(request.id.clone()) {
                    found.push(request);
                }
            }
            start += length;
            if length == 0 || start > page.total {
                return Ok(found);
            }
            if start > MAX_REQUESTS {
                return Err(IamError::Unexpected {
                    operation: LIST,
                    why: format!(
                        "there are {} requests; ask for those of one group, person or status",
                        page.total
                    ),
                });
            }
        }
    }

    /// Makes who asked a member. For the group's manager, an administrator, or a token with
    /// `iam:admin.write`.
    pub async fn approve(&self, token: &Secret, id: &str) -> Result<GroupRequest, IamError> {
        let ask = Ask::post(APPROVE, self.requests_url(&[id, "approve"]));
        let answer = self
            .group_call(APPROVE, ask, token, "iam:admin.write")
            .await?;
        Ok(answer.json::<Wire>()?.into())
    }

    /// Says no, and why; who asked is shown it. For the same as [`Iam::approve`].
    pub async fn reject(
        &self,
        token: &Secret,
        id: &str,
        motivation: &str,
    ) -> Result<GroupRequest, IamError> {
        let mut url = self.requests_url(&[id, "reject"]);
        url.query_pairs_mut().append_pair("motivation", motivation);
        let ask = Ask::post(REJECT, url);
        let answer = self
            .group_call(REJECT, ask, token, "iam:admin.write")
            .await?;
        Ok(answer.json::<Wire>()?.into())
    }

    /// Takes a pending request back.
    pub async fn withdraw(&self, token: &Secret, id: &str) -> Result<(), IamError> {
        let ask = Ask::new(WITHDRAW, Method::DELETE, self.requests_url(&[id]));
        self.group_call(WITHDRAW, ask, token, "iam:admin.write")
            .await
            .map(drop)
    }

    fn requests_url(&self, path: &[&str]) -> url::Url {
        let mut url = self.settings.issuer.join(PATH);
        url.path_segments_mut()
            .expect("an http URL has a path")
            .extend(path);
        url
    }

    /// The answer, if it is a yes. Who lacks a scope is told which.
    async fn group_call(
        &self,
        operation: &'static str,
        ask: Ask,
        token: &Secret,
        scope: &str,
    ) -> Result<Answer, IamError> {
        let answer = ask.bearer(token).send(&self.http).await?;
        match answer.success() {
            Ok(()) => Ok(answer),
            Err(_) if answer.status() == 401 => {
                Err(IamError::token("the IAM's group requests refuse it"))
            }
            Err(_) if answer.status() == 403 && !scope.is_empty() => Err(self.not_granted(
                operation,
                scope,
                ", or let the group's manager do it in the IAM's dashboard",
            )),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn camel_and_snake_are_the_same_request() {
        let camel = json!({
            "uuid": "1", "userUuid": "ada", "username": "ada", "userFullName": "Ada Lovelace",
            "groupName": "lsst", "groupUuid": "2", "status": "REJECTED", "notes": "please",
            "motivation": "no", "creationTime": "2026-11-24T09:00:00.000+01:00",
            "lastUpdateTime": 1_795_507_200_000_i64,
        });
        let snake = json!({
            "uuid": "1", "user_uuid": "ada", "username": "ada", "user_full_name": "Ada Lovelace",
            "group_name": "lsst", "group_uuid": "2", "status": "REJECTED", "notes": "please",
            "motivation": "no", "creation_time": 1_795_507_200_000_i64,
            "last_update_time": "2026-11-24T08:00:00Z",
        });
        let read = |json| GroupRequest::from(serde_json::from_value::<Wire>(json).unwrap());
        let request = read(camel);
        assert_eq!(request, read(snake));
        assert_eq!(request.created.unwrap().as_second(), 1_795_507_200);
        assert_eq!(request.updated, request.created);
    }
}
