//! [CreateMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html).

use http::Method;
use skykey_types::BucketName;
use skykey_upstream::Answer;

use crate::Request;
use crate::xml::element;

/// Begins an upload, which stays until it is completed or aborted.
pub fn request(bucket: &BucketName, key: &str) -> Request {
    Request::object("begin an upload", Method::POST, bucket, key).query(&[("uploads", "")])
}

/// The upload's id.
pub fn upload_id(answer: &Answer) -> Option<String> {
    element(&answer.text(), "UploadId")
}
