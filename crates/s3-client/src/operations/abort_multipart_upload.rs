//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).

use http::Method;
use skykey_types::BucketName;

use crate::Request;

/// Deletes the parts of an upload.
pub fn request(bucket: &BucketName, key: &str, upload_id: &str) -> Request {
    Request::object("abort an upload", Method::DELETE, bucket, key)
        .query(&[("uploadId", upload_id)])
}
