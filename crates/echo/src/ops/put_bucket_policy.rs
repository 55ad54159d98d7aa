//! [PutBucketPolicy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html).

use http::Method;
use skykey_types::{BucketName, Credentials};

use crate::ask::Ask;
use crate::{Echo, EchoError};

impl Echo {
    /// Puts the bucket's whole policy; it counts from the next request. Only the owner may.
    pub(crate) async fn put_bucket_policy(
        &self,
        owner: &Credentials,
        bucket: &BucketName,
        policy: &str,
    ) -> Result<(), EchoError> {
        let ask = Ask::bucket("put a bucket policy", Method::PUT, bucket)
            .query(&[("policy", "")])
            .header("content-type", "application/json")
            .body(policy.to_owned());
        self.must(owner, &ask).await.map(drop)
    }
}
