//! [DeleteObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).

use http::Method;
use skykey_types::BucketName;

use crate::Request;

/// Deletes an object, or one version of it. An object that is not there is a success.
pub fn request(bucket: &BucketName, key: &str, version: Option<&str>) -> Request {
    let request = Request::object("delete an object", Method::DELETE, bucket, key);
    match version {
        Some(version) => request.query(&[("versionId", version)]),
        None => request,
    }
}
