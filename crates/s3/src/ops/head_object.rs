//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html), and the
//! tags that no object here has.

use s3s::dto::{GetObjectTaggingInput, GetObjectTaggingOutput, HeadObjectInput, HeadObjectOutput};
use s3s::{S3Request, S3Response, S3Result};

use super::Operations;
use super::condition::Conditions;
use super::get_object::no_such_key;
use super::words::{etag, expires, size, time};
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let input = request.input;
    let info = operations
        .store
        .head(&input.bucket, &input.key)
        .await
        .map_err(store)?
        .ok_or_else(no_such_key)?;
    let conditions = Conditions {
        matches: input.if_match,
        none_matches: input.if_none_match,
        modified_since: input.if_modified_since,
        unmodified_since: input.if_unmodified_since,
    };
    conditions.check(&info)?;
    let checksum = |name: &str| info.attributes.checksums.get(name).cloned();
    let attributes = &info.attributes;
    Ok(S3Response::new(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(size(info.size)),
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
        ..HeadObjectOutput::default()
    }))
}

/// `aws s3 cp` asks for tags when it copies a large object.
pub(super) async fn tagging(
    operations: &Operations,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let input = request.input;
    operations
        .store
        .head(&input.bucket, &input.key)
        .await
        .map_err(store)?
        .ok_or_else(no_such_key)?;
    Ok(S3Response::new(GetObjectTaggingOutput {
        tag_set: Vec::new(),
        version_id: None,
    }))
}
