//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html), one byte of it.

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;

/// An empty object is answered with 416.
pub(crate) fn ask_first_byte(bucket: &BucketName, key: &str) -> Ask {
    Ask::object("read an object", Method::GET, bucket, key).header("range", "bytes=0-0")
}
