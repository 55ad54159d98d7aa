//! [ListMultipartUploads](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html),
//! cut to the keys that the caller may write.

use http::Response;
use skykey_store::UploadId;

use super::Local;
use super::listing::{Encoding, MAX_ENTRIES, limit};
use super::time::in_xml;
use crate::answer::{self, Body};
use crate::fault::{Fault, Result};
use crate::request::Request;
use crate::xml::Writer;

/// A key marker without an upload marker means: after every upload of that key.
const AFTER_EVERY_UPLOAD: &str = "\u{10FFFF}";

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let prefix = request.parameter("prefix").unwrap_or_default();
    if !request.principal.rights.write(request.bucket, prefix) {
        return Err(Fault::denied(
            "these credentials may list uploads below a prefix that they may write",
        ));
    }
    if request.parameter("delimiter").is_some() {
        return Err(Fault::not_implemented(
            "uploads are listed without a delimiter here; leave it out",
        ));
    }
    let limit = limit("max-uploads", request, MAX_ENTRIES)?;
    let encoding = Encoding::of(request)?;
    let key_marker = request.parameter("key-marker");
    let id_marker = request.parameter("upload-id-marker");
    let marker = UploadId::from_text(id_marker.unwrap_or(AFTER_EVERY_UPLOAD));
    let mut uploads = local
        .store
        .uploads(
            request.bucket,
            prefix,
            key_marker.map(|key| (key, &marker)),
            limit + 1,
        )
        .await?;
    let truncated = uploads.len() > limit;
    uploads.truncate(limit);
    let mut xml = Writer::rooted("ListMultipartUploadsResult");
    xml.text("Bucket", request.bucket);
    encoding.text(&mut xml, "KeyMarker", key_marker.unwrap_or_default());
    xml.text("UploadIdMarker", id_marker.unwrap_or_default());
    if let Some(last) = uploads.last().filter(|_| truncated) {
        encoding.text(&mut xml, "NextKeyMarker", &last.key);
        xml.text("NextUploadIdMarker", last.id.as_str());
    }
    encoding.text(&mut xml, "Prefix", prefix);
    encoding.name(&mut xml);
    xml.value("MaxUploads", limit);
    xml.value("IsTruncated", truncated);
    for upload in &uploads {
        xml.open("Upload");
        encoding.text(&mut xml, "Key", &upload.key);
        xml.text("UploadId", upload.id.as_str());
        xml.text("Initiated", &in_xml(upload.initiated));
        xml.text("StorageClass", "STANDARD");
        xml.close("Upload");
    }
    Ok(answer::xml(xml.end("ListMultipartUploadsResult")))
}
