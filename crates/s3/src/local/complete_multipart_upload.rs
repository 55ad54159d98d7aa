//! [CompleteMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).

use http::Response;
use serde::Deserialize;
use skykey_store::{Completion, PartInfo, UploadId};

use super::Local;
use super::condition::precondition;
use super::upload::{parse_part_number, upload_id};
use crate::answer::{self, Body};
use crate::checksum::{Algorithm, Checksums, of_parts};
use crate::fault::{Code, Fault, Result};
use crate::request::Request;
use crate::xml::{self, Writer};

/// The largest body in bytes: 10,000 parts with a checksum each.
const MAX_XML_BYTES: usize = 4 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CompleteMultipartUpload {
    #[serde(rename = "@xmlns", default)]
    _namespace: Option<String>,
    #[serde(rename = "Part", default)]
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    #[serde(rename = "PartNumber")]
    number: String,
    #[serde(rename = "ETag")]
    etag: String,
    #[serde(rename = "ChecksumCRC32", default)]
    crc32: Option<String>,
    #[serde(rename = "ChecksumCRC32C", default)]
    crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME", default)]
    crc64nvme: Option<String>,
    #[serde(rename = "ChecksumSHA1", default)]
    sha1: Option<String>,
    #[serde(rename = "ChecksumSHA256", default)]
    sha256: Option<String>,
}

impl Part {
    fn checksum(&self, algorithm: Algorithm) -> Option<&String> {
        match algorithm {
            Algorithm::Crc32 => self.crc32.as_ref(),
            Algorithm::Crc32c => self.crc32c.as_ref(),
            Algorithm::Crc64Nvme => self.crc64nvme.as_ref(),
            Algorithm::Sha1 => self.sha1.as_ref(),
            Algorithm::Sha256 => self.sha256.as_ref(),
        }
    }
}

pub(super) async fn answer(local: &Local, mut request: Request<'_>) -> Result<Response<Body>> {
    let upload = upload_id(&request);
    let precondition = precondition(&request)?;
    let body = request.body.read_all(MAX_XML_BYTES).await?;
    let wanted: CompleteMultipartUpload = xml::read("CompleteMultipartUpload", &body)?;
    if wanted.parts.is_empty() {
        return Err(Fault::new(Code::MalformedXML, "the list of parts is empty"));
    }
    let stored = local
        .store
        .parts(
            request.bucket,
            request.key,
            &upload,
            0,
            usize::from(u16::MAX),
        )
        .await?;
    let mut parts = Vec::with_capacity(wanted.parts.len());
    let mut chosen = Vec::with_capacity(wanted.parts.len());
    for part in &wanted.parts {
        let number = parse_part_number(part.number.trim())
            .ok_or_else(|| Fault::argument("a part's number is 1 to 10000"))?;
        // The parts of the store ascend. One that was never uploaded is for the store to refuse.
        if let Ok(at) = stored.binary_search_by_key(&number, |found| found.number) {
            check_part(part, &stored[at])?;
            chosen.push(stored[at].clone());
        }
        parts.push((number, part.etag.trim().trim_matches('"').to_owned()));
    }
    check_size(&request, &chosen)?;
    let completion = Completion {
        parts,
        checksums: whole_checksums(&request, &chosen)?,
        precondition,
    };
    complete(local, &request, &upload, completion).await
}

async fn complete(
    local: &Local,
    request: &Request<'_>,
    upload: &UploadId,
    completion: Completion,
) -> Result<Response<Body>> {
    let info = local
        .store
        .complete_upload(request.bucket, request.key, upload, completion)
        .await?;
    let mut xml = Writer::rooted("CompleteMultipartUploadResult");
    xml.text("Location", &format!("/{}/{}", request.bucket, request.key));
    xml.text("Bucket", request.bucket);
    xml.text("Key", request.key);
    xml.etag(&info.etag);
    for algorithm in Algorithm::ALL {
        xml.optional(
            algorithm.element(),
            info.attributes
                .checksums
                .get(algorithm.name())
                .map(String::as_str),
        );
    }
    Ok(answer::xml(xml.end("CompleteMultipartUploadResult")))
}

/// The checksums that the client names for a part are those that the part was stored with.
fn check_part(wanted: &Part, stored: &PartInfo) -> Result<()> {
    for algorithm in Algorithm::ALL {
        let named = wanted.checksum(algorithm);
        if named.is_some() && stored.checksums.get(algorithm.name()) != named {
            let (number, name) = (stored.number, algorithm.name());
            return Err(Fault::new(
                Code::InvalidPart,
                format!("part {number} was not stored with that {name}"),
            ));
        }
    }
    Ok(())
}

/// `x-amz-mp-object-size`: the size that the client expects of the whole.
fn check_size(request: &Request<'_>, parts: &[PartInfo]) -> Result<()> {
    let Some(expected) = request.header("x-amz-mp-object-size") else {
        return Ok(());
    };
    let size: u64 = parts.iter().map(|part| part.size).sum();
    if expected.parse() == Ok(size) {
        return Ok(());
    }
    Err(Fault::new(
        Code::InvalidRequest,
        format!(
            "the parts have {size} bytes together, not the number in x-amz-mp-object-size; nothing was completed"
        ),
    ))
}

/// The checksums of the whole object, from those of its parts; compared with what the client says.
/// A declared value of the form `…-N` is a checksum of checksums, which clients compute
/// differently; the parts' own checksums have been compared already.
fn whole_checksums(request: &Request<'_>, parts: &[PartInfo]) -> Result<Checksums> {
    let mut whole = Checksums::new();
    for algorithm in Algorithm::ALL {
        let computed = of_parts(algorithm, parts);
        let declared = request
            .header(algorithm.header())
            .filter(|value| !value.contains('-'));
        match (&computed, declared) {
            (None, Some(_)) => {
                return Err(Fault::not_implemented(format!(
                    "the {} of the whole object cannot be compared, since its parts have none of their own; leave it out",
                    algorithm.name()
                )));
            }
            (Some(computed), Some(declared)) if computed != declared => {
                return Err(Fault::new(
                    Code::BadDigest,
                    format!(
                        "the {} that was sent is not that of the parts together; nothing was completed",
                        algorithm.name()
                    ),
                ));
            }
            _ => {}
        }
        if let Some(computed) = computed {
            whole.insert(algorithm.name().to_owned(), computed);
        }
    }
    Ok(whole)
}
