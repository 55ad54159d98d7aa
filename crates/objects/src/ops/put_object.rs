//! [PutObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html), in one piece.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use md5::{Digest, Md5};

use super::Ask;
use crate::ObjectAddress;

/// Unless `replace`, only where nothing is yet.
pub(crate) fn ask(at: &ObjectAddress, body: Bytes, replace: bool) -> Ask {
    let digest = STANDARD.encode(Md5::digest(&body));
    let ask = Ask::object("write", Method::PUT, at)
        .header("content-md5", digest)
        .body(body);
    if replace {
        ask
    } else {
        ask.header("if-none-match", "*")
    }
}
