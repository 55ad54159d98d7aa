//! [DeleteObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html), of a key that
//! nobody has used. Its permission is checked in another place than that of DeleteObject.

use http::Method;
use quick_xml::escape::escape;
use skykey_types::BucketName;
use skykey_upstream::Answer;

use crate::ask::Ask;
use skykey_s3_client::xml::element;

pub(crate) fn ask(bucket: &BucketName, key: &str) -> Ask {
    let body = format!(
        "<Delete><Object><Key>{}</Key></Object></Delete>",
        escape(key)
    );
    // Twice does the same as once.
    Ask::bucket("delete objects", Method::POST, bucket)
        .query(&[("delete", "")])
        .header("content-type", "application/xml")
        .digest_of(&body)
        .body(body)
        .repeatable()
}

/// The version of the delete marker, which a versioned bucket makes even of a key that is not there.
pub(crate) fn marker(answer: &Answer) -> Option<String> {
    element(&answer.text(), "DeleteMarkerVersionId")
}
