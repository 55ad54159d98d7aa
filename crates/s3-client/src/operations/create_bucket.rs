//! [CreateBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).

use http::Method;
use skykey_types::BucketName;

use crate::Request;

/// Creates a bucket that the credentials' project owns.
pub fn request(bucket: &BucketName) -> Request {
    Request::bucket("create a bucket", Method::PUT, bucket)
}
