//! [CompleteMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).

use std::fmt::Write;

use http::Method;

use super::Ask;
use crate::{ETag, ObjectAddress};

/// Unless `replace`, only where nothing is yet.
pub(crate) fn ask(at: &ObjectAddress, upload: &str, parts: &[ETag], replace: bool) -> Ask {
    let mut body = String::from("<CompleteMultipartUpload>");
    for (index, etag) in parts.iter().enumerate() {
        let etag = quick_xml::escape::escape(etag.as_str());
        let number = index + 1;
        let _ = write!(
            body,
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        );
    }
    body.push_str("</CompleteMultipartUpload>");
    let ask = Ask::object("write", Method::POST, at)
        .query(&[("uploadId", upload)])
        .body(body.into());
    if replace {
        ask
    } else {
        ask.header("if-none-match", "*")
    }
}
