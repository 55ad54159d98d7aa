//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html).

use bytes::Bytes;
use http::Method;
use skykey_types::BucketName;

use crate::Request;

/// Sends a part of an upload; parts count from 1 to 10,000. The answer's ETag completes the upload.
pub fn request(
    bucket: &BucketName,
    key: &str,
    upload_id: &str,
    number: usize,
    body: impl Into<Bytes>,
) -> Request {
    Request::object("upload a part", Method::PUT, bucket, key)
        .query(&[("partNumber", &number.to_string()), ("uploadId", upload_id)])
        .body(body)
}
