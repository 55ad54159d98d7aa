//! Asking to join a group, and what the IAM's no means.

use skykey_iam::{GroupRequest, GroupRequestFilter, Iam, IamError, RequestStatus};
use skykey_types::{GroupPath, Secret};

use crate::{Client, ClientError};

/// What became of a wish to join a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joining {
    /// The IAM has taken it down.
    Asked(GroupRequest),
    /// An earlier one is waiting for a person; the IAM may not say which.
    Waiting(Option<GroupRequest>),
    /// They are a member already.
    Member,
}

impl Client {
    /// Asks the IAM to let the person into a group; somebody decides later. When it refuses, it is looked up why:
    /// INDIGO says so in words of its own only.
    pub async fn ask_to_join(&self, group: &GroupPath, note: &str) -> Result<Joining, ClientError> {
        let (iam, token) = self.at_the_iam().await?;
        let (error, said) = match iam.ask_to_join(&token, group, note).await {
            Ok(request) => return Ok(Joining::Asked(request)),
            Err(error) => match &error {
                IamError::Refused {
                    status: 400 | 409,
                    why,
                    ..
                } => {
                    let said = why.to_lowercase();
                    (error, said)
                }
                _ => return Err(error.into()),
            },
        };
        if let Some(request) = self.waiting(&iam, &token, group).await {
            return Ok(Joining::Waiting(Some(request)));
        }
        let is_member = self
            .me()
            .await
            .is_ok_and(|me| me.groups.iter().any(|one| one == group.as_str()));
        if is_member || said.contains("already member") {
            Ok(Joining::Member)
        } else if said.contains("already exists") {
            Ok(Joining::Waiting(None))
        } else if said.contains("group does not exist") {
            Err(ClientError::NoSuchGroup(group.to_string()))
        } else {
            Err(error.into())
        }
    }

    /// The person's own request for that group, if it waits and the IAM shows it to them.
    async fn waiting(&self, iam: &Iam, token: &Secret, group: &GroupPath) -> Option<GroupRequest> {
        let filter = GroupRequestFilter {
            username: Some(self.who().ok()?.username),
            group: Some(group.clone()),
            status: Some(RequestStatus::Pending),
        };
        let found = iam.group_requests(token, &filter).await.ok()?;
        found.into_iter().find(|request| {
            request.group == group.as_str() && request.status == RequestStatus::Pending
        })
    }
}
