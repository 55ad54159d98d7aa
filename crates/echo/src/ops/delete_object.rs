//! [DeleteObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html), of a key that
//! nobody has used or that a proof made.

use http::Method;
use skykey_types::BucketName;
use skykey_upstream::Answer;

use crate::ask::Ask;

pub(crate) fn ask(bucket: &BucketName, key: &str, version: Option<&str>) -> Ask {
    let ask = Ask::object("delete an object", Method::DELETE, bucket, key);
    match version {
        Some(version) => ask.query(&[("versionId", version)]),
        None => ask,
    }
}

/// The version that an answer says it made: in a versioned bucket deleting makes one, too.
pub(crate) fn version(answer: &Answer) -> Option<String> {
    let version = answer.headers.get("x-amz-version-id")?.to_str().ok()?;
    Some(version.to_owned())
}
