//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).

use http::Method;
use skykey_types::BucketName;

use crate::ask::{Ask, object_path};

pub(crate) fn ask(bucket: &BucketName, key: &str, upload: &str) -> Ask {
    Ask::new("abort an upload", Method::DELETE, object_path(bucket, key))
        .query(&[("uploadId", upload)])
}
