//! [GetObjectAttributes](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html).

use http::header::LAST_MODIFIED;
use http::{HeaderValue, Response};

use super::Local;
use super::time::http_date;
use crate::answer::{self, Body};
use crate::checksum::Algorithm;
use crate::fault::{Fault, Result};
use crate::request::Request;
use crate::words::no_such_key;
use crate::xml::Writer;

const KNOWN: [&str; 5] = [
    "ETag",
    "Checksum",
    "ObjectParts",
    "StorageClass",
    "ObjectSize",
];

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let wanted: Vec<&str> = request
        .header("x-amz-object-attributes")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if wanted.is_empty() || wanted.iter().any(|name| !KNOWN.contains(name)) {
        return Err(Fault::argument(format!(
            "x-amz-object-attributes names what is wanted: one or more of {}",
            KNOWN.join(", ")
        )));
    }
    let info = local
        .store
        .head(request.bucket, request.key)
        .await?
        .ok_or_else(no_such_key)?;
    let is_wanted = |name: &str| wanted.contains(&name);
    let mut xml = Writer::rooted("GetObjectAttributesResponse");
    if is_wanted("ETag") {
        // Without quotes, here alone.
        xml.text("ETag", &info.etag);
    }
    if is_wanted("Checksum") && !info.attributes.checksums.is_empty() {
        xml.open("Checksum");
        for algorithm in Algorithm::ALL {
            xml.optional(
                algorithm.element(),
                info.attributes
                    .checksums
                    .get(algorithm.name())
                    .map(String::as_str),
            );
        }
        xml.close("Checksum");
    }
    if is_wanted("StorageClass") {
        xml.text("StorageClass", "STANDARD");
    }
    if is_wanted("ObjectSize") {
        xml.value("ObjectSize", info.size);
    }
    let mut response = answer::xml(xml.end("GetObjectAttributesResponse"));
    if let Ok(modified) = HeaderValue::from_str(&http_date(info.modified)) {
        response.headers_mut().insert(LAST_MODIFIED, modified);
    }
    Ok(response)
}
