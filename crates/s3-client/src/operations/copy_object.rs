//! [CopyObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).

use http::Method;
use skykey_types::BucketName;

use crate::Request;
use crate::request::object_path;

/// Copies the object `from` of the same bucket to `key`.
pub fn request(bucket: &BucketName, from: &str, key: &str) -> Request {
    Request::object("copy an object", Method::PUT, bucket, key)
        .header("x-amz-copy-source", object_path(bucket, from))
}
