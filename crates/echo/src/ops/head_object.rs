//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html), for the version: RGW
//! does not tell which one a copy made.

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;

pub(crate) fn ask(bucket: &BucketName, key: &str) -> Ask {
    Ask::object("look at an object", Method::HEAD, bucket, key)
}
