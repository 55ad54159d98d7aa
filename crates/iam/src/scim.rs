//! Who is in which group, by SCIM (RFC 7644) with INDIGO's extension.

use serde::Deserialize;
use skykey_types::{Person, SubjectId, Timestamp};

use crate::{Iam, IamError};

const REQUEST: &str = "a SCIM user request";

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
        let mut token = self.service_token().await?;
        let url = self.user_url(sub).await?;
        let mut answer = self.http.get(REQUEST, url.clone(), Some(&token)).await?;
        if answer.status == 401 {
            // The IAM may have been restarted with new keys.
            self.forget_service_token().await;
            token = self.service_token().await?;
            answer = self.http.get(REQUEST, url, Some(&token)).await?;
        }
        if answer.status == 404 {
            return Ok(None);
        }
        let user: User = answer.json()?;
        if user.id != sub {
            return Err(IamError::Unexpected {
                request: REQUEST,
                why: "it tells of somebody else".to_owned(),
            });
        }
        let mut groups = std::collections::BTreeSet::new();
        for member in user.groups {
            match member.display.parse() {
                Ok(group) => drop(groups.insert(group)),
                // A group that cannot be named in a survey's configuration opens nothing.
                Err(error) => tracing::debug!(%error, "group left out"),
            }
        }
        Ok(Some(Person {
            id: SubjectId {
                issuer: self.settings.issuer.to_string(),
                sub: user.id,
            },
            username: user.username,
            groups,
            active: user.active,
            account_end: user.indigo.and_then(|indigo| indigo.end_time),
        }))
    }

    async fn user_url(&self, sub: &str) -> Result<url::Url, IamError> {
        let unexpected = |why: &str| IamError::Unexpected {
            request: "discovery",
            why: why.to_owned(),
        };
        let document = self.document().await?;
        let mut url = document
            .scim
            .clone()
            .ok_or_else(|| unexpected("no scim_endpoint"))?;
        url.path_segments_mut()
            .map_err(|()| unexpected("scim_endpoint is not an HTTP URL"))?
            .pop_if_empty()
            .push("Users")
            .push(sub);
        Ok(url)
    }
}
