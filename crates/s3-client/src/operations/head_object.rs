//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).

use http::Method;
use skykey_types::BucketName;

use crate::Request;

/// Reads an object's size, ETag and attributes, which are headers. An error is answered without a
/// code.
pub fn request(bucket: &BucketName, key: &str) -> Request {
    Request::object("look at an object", Method::HEAD, bucket, key)
}
