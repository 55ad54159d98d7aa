//! Buckets and their policies.

use skykey_s3_client::operations::list_buckets::{self, BucketList};
use skykey_s3_client::operations::{get_bucket_policy, put_bucket_policy};
use skykey_types::{BucketName, Credentials};

use crate::{Echo, EchoError, ProjectId};

impl Echo {
    /// Returns whose the credentials are, and the buckets of that project. The gateway makes a project's
    /// user when it first answers a request of the project, so this also makes the project known to it.
    pub async fn mine(&self, credentials: &Credentials) -> Result<BucketList, EchoError> {
        let request = list_buckets::request();
        let answer = self.call(credentials, &request).await?;
        let list = list_buckets::buckets(&answer).map_err(|why| request.unexpected(why))?;
        Ok(list)
    }

    /// Returns the buckets of `project`, if the credentials are of that project.
    pub(crate) async fn buckets_of(
        &self,
        credentials: &Credentials,
        project: &ProjectId,
    ) -> Result<Vec<String>, EchoError> {
        let BucketList { owner, buckets } = self.mine(credentials).await?;
        if owner == project.as_str() {
            Ok(buckets)
        } else {
            Err(EchoError::OtherProject {
                expected: project.clone(),
                found: owner,
            })
        }
    }

    /// Returns the bucket's policy as it was put, character for character; `None` if it has none.
    pub async fn bucket_policy(
        &self,
        credentials: &Credentials,
        bucket: &BucketName,
    ) -> Result<Option<String>, EchoError> {
        let request = get_bucket_policy::request(bucket);
        let answer = match self.s3().call(credentials, &request).await {
            Err(error) if get_bucket_policy::has_none(&error) => return Ok(None),
            other => other?,
        };
        match std::str::from_utf8(&answer.body) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(request.unexpected("the policy is not UTF-8").into()),
        }
    }

    /// Puts the bucket's whole policy; it counts from the next request. Only the owner may.
    pub(crate) async fn put_bucket_policy(
        &self,
        owner: &Credentials,
        bucket: &BucketName,
        policy: &str,
    ) -> Result<(), EchoError> {
        let request = put_bucket_policy::request(bucket, policy);
        self.call(owner, &request).await.map(drop)
    }
}
