//! [GetBucketPolicy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html).

use http::Method;
use skykey_types::{BucketName, Credentials};

use crate::ask::Ask;
use crate::{Echo, EchoError};
use skykey_s3_client::Problem;

impl Echo {
    /// The bucket's policy as it was put, character for character; `None` if it has none.
    pub async fn bucket_policy(
        &self,
        credentials: &Credentials,
        bucket: &BucketName,
    ) -> Result<Option<String>, EchoError> {
        let ask =
            Ask::bucket("read a bucket's policy", Method::GET, bucket).query(&[("policy", "")]);
        let answer = self.send(credentials, &ask).await?;
        if answer.status == 404 && Problem::parse(&answer.text()).code == "NoSuchBucketPolicy" {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(EchoError::refused(ask.operation, &answer));
        }
        let text = std::str::from_utf8(&answer.body).map_err(|_| EchoError::Unexpected {
            operation: ask.operation,
            why: "the policy is not UTF-8".to_owned(),
        })?;
        Ok(Some(text.to_owned()))
    }
}
