//! [ListBuckets](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html).

use skykey_types::Credentials;

use crate::ask::Ask;
use crate::{Echo, EchoError, ProjectId};
use skykey_s3_client::xml::{element, elements};

/// Who somebody is at the gateway, and what they own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mine {
    /// The user: a project's id, or with `rgw_keystone_implicit_tenants` `ID$ID`.
    pub owner: String,
    /// The names of the buckets that it owns.
    pub buckets: Vec<String>,
}

impl Echo {
    /// Whose the credentials are, and the buckets of that project. The gateway makes a project's user
    /// when it first answers somebody of the project, so this is also how it gets to know one.
    pub async fn mine(&self, credentials: &Credentials) -> Result<Mine, EchoError> {
        let ask = Ask::root("list buckets");
        let answer = self.must(credentials, &ask).await?;
        let text = answer.text();
        let owner = element(&text, "Owner").and_then(|owner| element(&owner, "ID"));
        let (true, Some(owner)) = (text.contains("<ListAllMyBucketsResult"), owner) else {
            return Err(EchoError::Unexpected {
                operation: ask.operation,
                why: "it is no list of buckets; is this the address of its S3 endpoint?".to_owned(),
            });
        };
        let buckets = elements(&text, "Bucket")
            .filter_map(|bucket| element(&bucket, "Name"))
            .collect();
        Ok(Mine { owner, buckets })
    }

    /// The buckets of `project`, if the credentials are of that project.
    pub(crate) async fn buckets_of(
        &self,
        credentials: &Credentials,
        project: &ProjectId,
    ) -> Result<Vec<String>, EchoError> {
        let Mine { owner, buckets } = self.mine(credentials).await?;
        if owner == project.as_str() {
            Ok(buckets)
        } else {
            Err(EchoError::OtherProject {
                expected: project.clone(),
                found: owner,
            })
        }
    }
}
