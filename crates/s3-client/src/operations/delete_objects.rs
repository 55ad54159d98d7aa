//! [DeleteObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).

use std::fmt::Write;

use http::Method;
use quick_xml::escape::escape;
use skykey_types::BucketName;
use skykey_upstream::Answer;

use crate::Request;
use crate::xml::{element, elements};

/// An object that was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDeleted {
    /// Its key.
    pub key: String,
    /// The error code.
    pub code: String,
}

/// Deletes up to 1,000 objects. Sending it twice does the same as once.
pub fn request<'a>(bucket: &BucketName, keys: impl IntoIterator<Item = &'a str>) -> Request {
    let mut body = String::from("<Delete>");
    for key in keys {
        let _ = write!(body, "<Object><Key>{}</Key></Object>", escape(key));
    }
    body.push_str("</Delete>");
    Request::bucket("delete objects", Method::POST, bucket)
        .query(&[("delete", "")])
        .header("content-type", "application/xml")
        .body(body)
        .content_md5()
        .repeatable()
}

/// The objects that were not deleted, out of an answer of status 200.
pub fn not_deleted(answer: &Answer) -> Vec<NotDeleted> {
    elements(&answer.text(), "Error")
        .map(|error| NotDeleted {
            key: element(&error, "Key").unwrap_or_default(),
            code: element(&error, "Code").unwrap_or_default(),
        })
        .collect()
}

/// The version of the first delete marker: a bucket with versions makes one even of a key that is
/// not there.
pub fn delete_marker(answer: &Answer) -> Option<String> {
    element(&answer.text(), "DeleteMarkerVersionId")
}
