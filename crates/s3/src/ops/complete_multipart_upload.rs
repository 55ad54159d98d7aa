//! [CompleteMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).

use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_store::{Completion, PartInfo, UploadId};

use super::Operations;
use super::upload_part::part_number;
use super::words::{etag, precondition};
use crate::checksum::{Checksums, of_parts};
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let input = request.input;
    let upload = UploadId::from_text(input.upload_id.clone());
    let precondition = precondition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let asked = input
        .multipart_upload
        .as_ref()
        .and_then(|upload| upload.parts.as_deref())
        .unwrap_or_default();
    if asked.is_empty() {
        return Err(S3Error::with_message(
            S3ErrorCode::MalformedXML,
            "the list of parts is empty",
        ));
    }
    let stored = operations
        .store
        .parts(&input.bucket, &input.key, &upload, 0, usize::from(u16::MAX))
        .await
        .map_err(store)?;
    let mut parts = Vec::with_capacity(asked.len());
    let mut chosen = Vec::with_capacity(asked.len());
    for part in asked {
        let number = part_number(part.part_number.unwrap_or_default())?;
        let etag = part
            .e_tag
            .as_ref()
            .map(|etag| etag.value().to_owned())
            .unwrap_or_default();
        if let Some(found) = stored.iter().find(|found| found.number == number) {
            check_part(part, found)?;
            chosen.push(found.clone());
        }
        // One that was never uploaded is for the store to refuse.
        parts.push((number, etag));
    }
    let checksums = whole_checksums(&input, &chosen)?;
    let completion = Completion {
        parts,
        checksums,
        precondition,
    };
    let info = operations
        .store
        .complete_upload(&input.bucket, &input.key, &upload, completion)
        .await
        .map_err(store)?;
    let checksum = |name: &str| info.attributes.checksums.get(name).cloned();
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        checksum_crc32: checksum("CRC32"),
        checksum_crc32c: checksum("CRC32C"),
        checksum_crc64nvme: checksum("CRC64NVME"),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(etag(&info.etag)),
        ..CompleteMultipartUploadOutput::default()
    }))
}

/// The checksums that the client names for a part are those that the part was stored with.
fn check_part(asked: &CompletedPart, stored: &PartInfo) -> S3Result<()> {
    let named = [
        ("CRC32", &asked.checksum_crc32),
        ("CRC32C", &asked.checksum_crc32c),
        ("CRC64NVME", &asked.checksum_crc64nvme),
        ("SHA1", &asked.checksum_sha1),
        ("SHA256", &asked.checksum_sha256),
    ];
    for (algorithm, value) in named {
        if value.is_some() && stored.checksums.get(algorithm) != value.as_ref() {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidPart,
                format!(
                    "part {} was not stored with that {algorithm}",
                    stored.number
                ),
            ));
        }
    }
    Ok(())
}

/// The checksums of the whole object, from those of its parts; compared with what the client says.
/// A declared value of the form `…-N` is a checksum of checksums, which clients compute
/// differently; the parts' own checksums have been compared already.
fn whole_checksums(
    input: &CompleteMultipartUploadInput,
    parts: &[PartInfo],
) -> S3Result<Checksums> {
    let declared = [
        ("CRC32", &input.checksum_crc32),
        ("CRC32C", &input.checksum_crc32c),
        ("CRC64NVME", &input.checksum_crc64nvme),
    ];
    let mut whole = Checksums::new();
    for (algorithm, declared) in declared {
        let computed = of_parts(algorithm, parts);
        if let Some(declared) = declared.as_ref().filter(|value| !value.contains('-'))
            && computed.as_ref() != Some(declared)
        {
            return Err(S3Error::with_message(
                S3ErrorCode::BadDigest,
                format!(
                    "the {algorithm} that was sent is not that of the parts together; nothing was completed"
                ),
            ));
        }
        if let Some(computed) = computed {
            whole.insert(algorithm.to_owned(), computed);
        }
    }
    Ok(whole)
}
