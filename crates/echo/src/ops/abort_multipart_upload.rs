//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;

pub(crate) fn ask(bucket: &BucketName, key: &str, upload: &str) -> Ask {
    Ask::object("abort an upload", Method::DELETE, bucket, key).query(&[("uploadId", upload)])
}
