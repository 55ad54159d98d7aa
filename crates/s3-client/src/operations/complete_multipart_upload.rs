//! [CompleteMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).

use std::fmt::Write;

use http::Method;
use skykey_types::BucketName;
use skykey_upstream::Answer;

use crate::{ETag, Request};

/// Makes an object of all parts of an upload, which have the numbers from 1.
pub fn request(bucket: &BucketName, key: &str, upload_id: &str, parts: &[ETag]) -> Request {
    let mut body = String::with_capacity(64 + parts.len() * 100);
    body.push_str("<CompleteMultipartUpload>");
    for (index, etag) in parts.iter().enumerate() {
        let etag = quick_xml::escape::escape(etag.as_str());
        let number = index + 1;
        let _ = write!(
            body,
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        );
    }
    body.push_str("</CompleteMultipartUpload>");
    Request::object("complete an upload", Method::POST, bucket, key)
        .query(&[("uploadId", upload_id)])
        .body(body)
}

/// Whether an answer of status 200 holds an error: the status is sent before the store is done.
pub fn failed(answer: &Answer) -> bool {
    answer.text().contains("<Error")
}
