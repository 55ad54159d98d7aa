//! [PutObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).

use bytes::Bytes;
use http::Method;
use skykey_types::BucketName;

use crate::Request;

/// Writes an object of these bytes; of a body that streams, see
/// [`S3Client::stream`](crate::S3Client::stream).
pub fn request(bucket: &BucketName, key: &str, body: impl Into<Bytes>) -> Request {
    Request::object("put an object", Method::PUT, bucket, key).body(body)
}
