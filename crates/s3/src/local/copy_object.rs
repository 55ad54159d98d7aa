//! [CopyObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html), within the store.

use http::Response;
use skykey_store::Precondition;

use super::Local;
use super::condition::{Conditions, precondition};
use super::object_headers::attributes_of;
use super::time::in_xml;
use crate::answer::{self, Body};
use crate::checksum::Algorithm;
use crate::fault::{Code, Fault, Result};
use crate::front::rights::CopySource;
use crate::request::Request;
use crate::words::no_such_key;
use crate::xml::Writer;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let source = CopySource::of(request.headers)?;
    let precondition = precondition(request)?;
    let replace = replaces_metadata(request)?;
    if !replace && (source.bucket.as_str(), source.key.as_str()) == (request.bucket, request.key) {
        return Err(Fault::new(
            Code::InvalidRequest,
            "an object copied onto itself needs 'x-amz-metadata-directive: REPLACE'",
        ));
    }
    let info = local
        .store
        .head(&source.bucket, &source.key)
        .await?
        .ok_or_else(no_such_key)?;
    if let Some(name) = request.header("x-amz-checksum-algorithm")
        && !info.attributes.checksums.contains_key(name)
    {
        return Err(Fault::not_implemented(
            "a copy keeps the checksums of its source; leave x-amz-checksum-algorithm out",
        ));
    }
    Conditions::of_source(request).check_source(&info)?;
    let attributes = replace.then(|| attributes_of(request)).transpose()?;
    let made = local
        .store
        .copy(
            (&source.bucket, &source.key),
            request.bucket,
            request.key,
            attributes,
            // The version that was judged, and no other.
            Precondition::IfMatch(info.etag),
            precondition,
        )
        .await?;
    let mut xml = Writer::rooted("CopyObjectResult");
    xml.text("LastModified", &in_xml(made.modified));
    xml.etag(&made.etag);
    for algorithm in Algorithm::ALL {
        xml.optional(
            algorithm.element(),
            made.attributes
                .checksums
                .get(algorithm.name())
                .map(String::as_str),
        );
    }
    Ok(answer::xml(xml.end("CopyObjectResult")))
}

/// Whether the copy has the request's headers instead of the source's.
fn replaces_metadata(request: &Request<'_>) -> Result<bool> {
    match request.header("x-amz-metadata-directive") {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(Fault::argument(
            "x-amz-metadata-directive is COPY or REPLACE",
        )),
    }
}
