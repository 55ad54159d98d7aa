//! [CreateMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html).

use http::Method;
use skykey_types::BucketName;
use skykey_upstream::Answer;

use crate::answer::element;
use crate::ask::{Ask, object_path};

pub(crate) fn ask(bucket: &BucketName, key: &str) -> Ask {
    Ask::new("begin an upload", Method::POST, object_path(bucket, key)).query(&[("uploads", "")])
}

/// The upload's id, to abort it.
pub(crate) fn upload_id(answer: &Answer) -> Option<String> {
    element(&answer.text(), "UploadId")
}
