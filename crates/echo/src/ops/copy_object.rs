//! [CopyObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html), in a way that
//! copies nothing: only if the source has an ETag that no object has.

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;
use skykey_s3_client::object_path;

/// No object's.
const ETAG: &str = "\"skykey-copies-nothing\"";

/// Whoever may copy is answered 412.
pub(crate) fn ask(bucket: &BucketName, from: &str, to: &str) -> Ask {
    Ask::object("copy an object", Method::PUT, bucket, to)
        .header("x-amz-copy-source", object_path(bucket.as_str(), from))
        .header("x-amz-copy-source-if-match", ETAG)
        // RGW (16.2.15) ignores that name and knows this one.
        .header("x-amz-copy-if-match", ETAG)
}
