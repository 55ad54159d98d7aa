//! Who is in which group, by SCIM (RFC 7644) with INDIGO's extension.

use std::collections::BTreeSet;

use serde::Deserialize;
use skykey_types::{GroupPath, Person, Secret, Timestamp};

use crate::http::{Answer, Ask};
use crate::service_token::{HINT, SCOPE};
use crate::{Iam, IamError};

const OPERATION: &str = "ask SCIM about a person";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "list the groups by SCIM";
/// INDIGO gives no more at once.
const PAGE_SIZE: usize = 100;
/// An IAM with more pages than these is not asked to the end.
const MAX_PAGES: usize = 200;

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(rename = "userName")]
    username: String,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    groups: Vec<Member>,
    #[serde(rename = "urn:indigo-dc:scim:schemas:IndigoUser")]
    indigo: Option<Indigo>,
}

#[derive(Deserialize)]
struct Member {
    display: String,
}

#[derive(Deserialize)]
struct Indigo {
    #[serde(rename = "endTime")]
    end_time: Option<Timestamp>,
}

/// A page of groups, RFC 7644 §3.4.2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    total_results: usize,
    #[serde(default, rename = "Resources")]
    resources: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    display_name: String,
}

fn yes() -> bool {
    true
}

/// Whether an error is in SCIM's words (RFC 7644 §3.12).
fn is_scims_own(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Words {
        schemas: Vec<String>,
    }
    answer
        .any_json::<Words>()
        .is_some_and(|words| words.schemas.iter().any(|schema| schema == ERROR))
}

impl Iam {
    /// The person with that `sub`, as SCIM knows them now; `None` if there is no such account.
    /// An error is never a "no": it says that the question was not answered.
    pub async fn person(&self, sub: &str) -> Result<Option<Person>, IamError> {
        let answer = self.ask_scim(OPERATION, &["Users", sub], "").await?;
        if answer.status() == 404 {
            // Whoever stands before the IAM may have a page of its own that is not found.
            return if is_scims_own(&answer) {
                Ok(None)
            } else {
                Err(IamError::Unexpected {
                    operation: OPERATION,
                    why: "the 404 is not SCIM's own".to_owned(),
                })
            };
        }
        let user: User = answer.json()?;
        if user.id != sub {
            return Err(IamError::Unexpected {
                operation: OPERATION,
                why: "it tells of somebody else".to_owned(),
            });
        }
        let mut groups = BTreeSet::new();
        for member in user.groups {
            match member.display.parse() {
                Ok(group) => drop(groups.insert(group)),
                // A group that cannot be named in a survey's configuration opens nothing.
                Err(error) => tracing::debug!(%error, "group left out"),
            }
        }
        Ok(Some(Person {
            id: self.subject(user.id),
            username: user.username,
            groups,
            active: user.active,
            account_end: user.indigo.and_then(|indigo| indigo.end_time),
        }))
    }

    /// Every group that the IAM has, but for those whose name no survey could name. Asked page by page,
    /// since INDIGO's SCIM does not filter groups.
    pub async fn groups(&self) -> Result<BTreeSet<GroupPath>, IamError> {
        let mut groups = BTreeSet::new();
        let mut seen = 0;
        for _ in 0..MAX_PAGES {
            let query = format!("count={PAGE_SIZE}&startIndex={}", seen + 1);
            let page: Groups = self.ask_scim(LIST, &["Groups"], &query).await?.json()?;
            seen += page.resources.len();
            groups.extend(
                page.resources
                    .iter()
                    .filter_map(|group| group.display_name.parse().ok()),
            );
            if page.resources.is_empty() || seen >= page.total_results {
                return Ok(groups);
            }
        }
        Err(IamError::Unexpected {
            operation: LIST,
            why: format!("it has more than {} groups", MAX_PAGES * PAGE_SIZE),
        })
    }

    /// The answer about a resource, to skykey's own token.
    pub(crate) async fn ask_scim(
        &self,
        operation: &'static str,
        path: &[&str],
        query: &str,
    ) -> Result<Answer, IamError> {
        let mut url = self.scim_url(operation, path).await?;
        if !query.is_empty() {
            url.set_query(Some(query));
        }
        let ask = async |token: &Secret| {
            let ask = Ask::get(operation, url.clone()).bearer(token);
            ask.send(&self.http).await
        };
        let token = self.service_token().await?;
        let mut answer = ask(&token.token).await?;
        if answer.status() == 401 {
            // The IAM may have been restarted with new keys.
            let another = self.another_service_token(&token).await?;
            answer = ask(&another.token).await?;
        }
        let refused = answer.success().err();
        let code = refused.as_ref().map_or("", IamError::code);
        if answer.status() == 403 || matches!(code, "insufficient_scope" | "invalid_scope") {
            return Err(self.not_granted(operation, SCOPE, HINT));
        }
        Ok(answer)
    }

    async fn scim_url(&self, operation: &'static str, path: &[&str]) -> Result<url::Url, IamError> {
        let document = self.document().await?;
        let mut url = document.scim_endpoint.clone().ok_or(IamError::NotOffered {
            operation,
            endpoint: "scim_endpoint",
        })?;
        url.path_segments_mut()
            .expect("the discovery document's URLs are http")
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }
}
