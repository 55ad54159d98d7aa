//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).

use http::Method;

use super::Ask;
use crate::ObjectAddress;

pub(crate) fn ask(at: &ObjectAddress, upload: &str) -> Ask {
    Ask::object("give up writing", Method::DELETE, at).query(&[("uploadId", upload)])
}
