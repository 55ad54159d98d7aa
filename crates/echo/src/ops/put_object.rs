//! [PutObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html), in a way that puts
//! nothing: the digest that goes with the body is another's.

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;

/// Whoever may put is answered 400 `BadDigest`, after the permission was checked and the body read.
pub(crate) fn ask(bucket: &BucketName, key: &str) -> Ask {
    Ask::object("put an object", Method::PUT, bucket, key)
        .header("content-type", "text/plain")
        .digest_of("another body")
        .body("skykey tries whether this is refused\n")
}
