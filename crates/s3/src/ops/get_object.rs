//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html): whole or a range,
//! with conditions.

use s3s::dto::{GetObjectInput, GetObjectOutput, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use sync_wrapper::SyncStream;

use super::Operations;
use super::condition::Conditions;
use super::range::bytes_of;
use super::words::{etag, expires, size, time};
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let input = request.input;
    if input
        .version_id
        .as_deref()
        .is_some_and(|version| version != "null")
    {
        return Err(S3Error::with_message(
            S3ErrorCode::NoSuchVersion,
            "objects have one version here",
        ));
    }
    let opened = operations
        .store
        .open(&input.bucket, &input.key)
        .await
        .map_err(store)?
        .ok_or_else(no_such_key)?;
    let info = opened.info.clone();
    let conditions = Conditions {
        matches: input.if_match,
        none_matches: input.if_none_match,
        modified_since: input.if_modified_since,
        unmodified_since: input.if_unmodified_since,
    };
    conditions.check(&info)?;
    let (range, content_range) = match input.range {
        None => (0..info.size, None),
        Some(range) => {
            let range = bytes_of(range, info.size)?;
            let text = format!(
                "bytes {}-{}/{}",
                range.start,
                range.end.saturating_sub(1),
                info.size
            );
            (range, Some(text))
        }
    };
    // A checksum is of the whole object; with a part of it, a client would find it wrong.
    let whole = content_range.is_none();
    let checksum = |name: &str| {
        whole
            .then(|| info.attributes.checksums.get(name).cloned())
            .flatten()
    };
    let attributes = &info.attributes;
    Ok(S3Response::new(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(StreamingBlob::wrap(SyncStream::new(
            opened.read(range.clone()),
        ))),
        content_length: Some(size(range.end - range.start)),
        content_range,
        content_type: attributes
            .content_type
            .clone()
            .or_else(|| Some("application/octet-stream".to_owned())),
        content_encoding: attributes.content_encoding.clone(),
        content_disposition: attributes.content_disposition.clone(),
        content_language: attributes.content_language.clone(),
        cache_control: attributes.cache_control.clone(),
        expires: expires(attributes),
        e_tag: Some(etag(&info.etag)),
        last_modified: Some(time(info.modified)),
        metadata: Some(attributes.user.clone().into_iter().collect()),
        checksum_crc32: checksum("CRC32"),
        checksum_crc32c: checksum("CRC32C"),
        checksum_crc64nvme: checksum("CRC64NVME"),
        checksum_sha1: checksum("SHA1"),
        checksum_sha256: checksum("SHA256"),
        ..GetObjectOutput::default()
    }))
}

pub(super) fn no_such_key() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchKey, "there is no object of that key")
}
