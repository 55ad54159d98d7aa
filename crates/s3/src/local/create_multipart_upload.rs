//! [CreateMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html).

use http::{HeaderName, Response};

use super::Local;
use super::object_headers::attributes_of;
use crate::answer::{self, Body};
use crate::checksum::Algorithm;
use crate::fault::{Fault, Result};
use crate::request::Request;
use crate::xml::Writer;

const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    if let Some(name) = request.header(CHECKSUM_ALGORITHM)
        && Algorithm::of_name(name).is_none()
    {
        return Err(Fault::not_implemented(
            "that checksum algorithm is not served here; use CRC64NVME, CRC32, CRC32C, SHA1 or SHA256",
        ));
    }
    if !matches!(
        request.header(CHECKSUM_TYPE),
        None | Some("FULL_OBJECT" | "COMPOSITE")
    ) {
        return Err(Fault::argument(
            "x-amz-checksum-type is FULL_OBJECT or COMPOSITE",
        ));
    }
    let attributes = attributes_of(request)?;
    let upload = local
        .store
        .create_upload(request.bucket, request.key, attributes)
        .await?;
    let mut xml = Writer::rooted("InitiateMultipartUploadResult");
    xml.text("Bucket", request.bucket);
    xml.text("Key", request.key);
    xml.text("UploadId", upload.as_str());
    let mut response = answer::xml(xml.end("InitiateMultipartUploadResult"));
    for name in [CHECKSUM_ALGORITHM, CHECKSUM_TYPE] {
        if let Some(value) = request.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}
