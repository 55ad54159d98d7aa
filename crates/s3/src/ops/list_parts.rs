//! [ListParts](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html).

use s3s::dto::{ListPartsInput, ListPartsOutput, Part};
use s3s::{S3Request, S3Response, S3Result};
use skykey_store::UploadId;

use super::Operations;
use super::listing::limit;
use super::words::{etag, size, time};
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let input = request.input;
    let upload = UploadId::from_text(input.upload_id.clone());
    let limit = limit(input.max_parts)?;
    let after = u16::try_from(input.part_number_marker.unwrap_or_default()).unwrap_or(u16::MAX);
    let mut parts = operations
        .store
        .parts(&input.bucket, &input.key, &upload, after, limit + 1)
        .await
        .map_err(store)?;
    let truncated = parts.len() > limit;
    parts.truncate(limit);
    let checksum = |part: &skykey_store::PartInfo, name: &str| part.checksums.get(name).cloned();
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: i32::try_from(limit).ok(),
        part_number_marker: input.part_number_marker,
        is_truncated: Some(truncated),
        next_part_number_marker: parts.last().map(|part| i32::from(part.number)),
        parts: Some(
            parts
                .iter()
                .map(|part| Part {
                    part_number: Some(i32::from(part.number)),
                    size: Some(size(part.size)),
                    e_tag: Some(etag(&part.etag)),
                    last_modified: Some(time(part.modified)),
                    checksum_crc32: checksum(part, "CRC32"),
                    checksum_crc32c: checksum(part, "CRC32C"),
                    checksum_crc64nvme: checksum(part, "CRC64NVME"),
                    checksum_sha1: checksum(part, "SHA1"),
                    checksum_sha256: checksum(part, "SHA256"),
                })
                .collect(),
        ),
        ..ListPartsOutput::default()
    }))
}
