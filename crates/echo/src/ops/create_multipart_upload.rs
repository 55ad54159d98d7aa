//! [CreateMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html).

use http::Method;
use skykey_types::BucketName;
use skykey_upstream::Answer;

use crate::ask::Ask;
use skykey_s3_client::xml::element;

pub(crate) fn ask(bucket: &BucketName, key: &str) -> Ask {
    Ask::object("begin an upload", Method::POST, bucket, key).query(&[("uploads", "")])
}

/// The upload's id, to abort it.
pub(crate) fn upload_id(answer: &Answer) -> Option<String> {
    element(&answer.text(), "UploadId")
}
