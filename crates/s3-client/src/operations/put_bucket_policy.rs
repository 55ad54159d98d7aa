//! [PutBucketPolicy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html).

use http::Method;
use skykey_types::BucketName;

use crate::Request;

/// Replaces the bucket's whole policy; it counts from the next request. Only the owner may.
pub fn request(bucket: &BucketName, policy: &str) -> Request {
    Request::bucket("put a bucket policy", Method::PUT, bucket)
        .query(&[("policy", "")])
        .header("content-type", "application/json")
        .body(policy.to_owned())
}
