//! Who is in which group, by SCIM (RFC 7644) with INDIGO's extension.

use std::collections::BTreeSet;

use serde::Deserialize;
use skykey_types::{Person, Secret, Timestamp};

use crate::http::{Answer, Ask};
use crate::service_token::{HINT, SCOPE};
use crate::{Iam, IamError};

const OPERATION: &str = "ask SCIM about a person";

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

fn yes() -> bool {
    true
}

impl Iam {
    /// The person with that `sub`, as SCIM knows them now; `None` if there is no such account.
    /// An error is never a "no": it says that the question was not answered.
    pub async fn person(&self, sub: &str) -> Result<Option<Person>, IamError> {
        let answer = self.ask_scim(&["Users", sub]).await?;
        if answer.status() == 404 {
            return Ok(None);
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

    /// The answer about a resource, to skykey's own token.
    async fn ask_scim(&self, path: &[&str]) -> Result<Answer, IamError> {
        let url = self.scim_url(path).await?;
        let ask = async |token: &Secret| {
            let ask = Ask::get(OPERATION, url.clone()).bearer(token);
            ask.send(&self.http).await
        };
        let token = self.service_token().await?;
        let mut answer = ask(&token.token).await?;
        if answer.status() == 401 {
            // The IAM may have been restarted with new keys.
            self.service_token.forget(&token).await;
            answer = ask(&self.service_token().await?.token).await?;
        }
        let refused = answer.success().err();
        let code = refused.as_ref().map_or("", IamError::code);
        if answer.status() == 403 || matches!(code, "insufficient_scope" | "invalid_scope") {
            return Err(self.not_granted(OPERATION, SCOPE, HINT));
        }
        Ok(answer)
    }

    async fn scim_url(&self, path: &[&str]) -> Result<url::Url, IamError> {
        let document = self.document().await?;
        let mut url = document.scim_endpoint.clone().ok_or(IamError::NotOffered {
            operation: OPERATION,
            endpoint: "scim_endpoint",
        })?;
        url.path_segments_mut()
            .expect("the discovery document's URLs are http")
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }
}
