//! [DeleteBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html).

use http::Method;
use skykey_types::BucketName;

use crate::Request;

/// Deletes a bucket, which is empty.
pub fn request(bucket: &BucketName) -> Request {
    Request::bucket("delete a bucket", Method::DELETE, bucket)
}
