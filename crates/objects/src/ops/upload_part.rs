//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use md5::{Digest, Md5};

use super::Ask;
use crate::ObjectAddress;

/// Parts count from 1.
pub(crate) fn ask(at: &ObjectAddress, upload: &str, number: usize, body: Bytes) -> Ask {
    let digest = STANDARD.encode(Md5::digest(&body));
    Ask::object("write", Method::PUT, at)
        .query(&[("partNumber", &number.to_string()), ("uploadId", upload)])
        .header("content-md5", digest)
        .body(body)
}
