//! [GetBucketPolicy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html).

use http::Method;
use skykey_types::BucketName;

use crate::{Request, S3Error};

/// Reads a bucket's policy. A bucket without one is answered 404 `NoSuchBucketPolicy`.
pub fn request(bucket: &BucketName) -> Request {
    Request::bucket("read a bucket's policy", Method::GET, bucket).query(&[("policy", "")])
}

/// Whether the error says that the bucket has no policy.
pub fn has_none(error: &S3Error) -> bool {
    error.status() == Some(404) && error.code() == Some("NoSuchBucketPolicy")
}
