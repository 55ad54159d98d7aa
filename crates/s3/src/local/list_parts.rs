//! [ListParts](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html).

use http::Response;

use super::Local;
use super::listing::{Encoding, MAX_ENTRIES, limit};
use super::time::in_xml;
use super::upload::upload_id;
use crate::answer::{self, Body};
use crate::checksum::Algorithm;
use crate::fault::{Fault, Result};
use crate::request::Request;
use crate::xml::Writer;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let upload = upload_id(request);
    let limit = limit("max-parts", request, MAX_ENTRIES)?;
    let encoding = Encoding::of(request)?;
    let after = match request.parameter("part-number-marker") {
        None => 0,
        Some(text) => text
            .parse::<u32>()
            .map(|number| u16::try_from(number).unwrap_or(u16::MAX))
            .map_err(|_| Fault::argument("part-number-marker is not a whole number"))?,
    };
    let mut parts = local
        .store
        .parts(request.bucket, request.key, &upload, after, limit + 1)
        .await?;
    let truncated = parts.len() > limit;
    parts.truncate(limit);
    let mut xml = Writer::rooted("ListPartsResult");
    xml.text("Bucket", request.bucket);
    encoding.text(&mut xml, "Key", request.key);
    xml.text("UploadId", upload.as_str());
    xml.value("PartNumberMarker", after);
    if let Some(last) = parts.last() {
        xml.value("NextPartNumberMarker", last.number);
    }
    xml.value("MaxParts", limit);
    encoding.name(&mut xml);
    xml.value("IsTruncated", truncated);
    for part in &parts {
        xml.open("Part");
        xml.value("PartNumber", part.number);
        xml.text("LastModified", &in_xml(part.modified));
        xml.etag(&part.etag);
        xml.value("Size", part.size);
        for algorithm in Algorithm::ALL {
            xml.optional(
                algorithm.element(),
                part.checksums.get(algorithm.name()).map(String::as_str),
            );
        }
        xml.close("Part");
    }
    Ok(answer::xml(xml.end("ListPartsResult")))
}
