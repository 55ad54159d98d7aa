//! [CreateMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html).

use http::Method;
use serde::Deserialize;
use skykey_upstream::Answer;

use super::Ask;
use crate::ObjectAddress;

#[derive(Deserialize)]
struct Begun {
    #[serde(rename = "UploadId")]
    upload_id: String,
}

pub(crate) fn ask(at: &ObjectAddress) -> Ask {
    Ask::object("write", Method::POST, at).query(&[("uploads", "")])
}

/// The upload's id.
pub(crate) fn id(answer: &Answer) -> Result<String, String> {
    quick_xml::de::from_str::<Begun>(&answer.text())
        .map(|begun| begun.upload_id)
        .map_err(|_| "no upload id".to_owned())
}
