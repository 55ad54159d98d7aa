//! [CopyObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html), within the store.

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, MetadataDirective,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_store::{ObjectInfo, Precondition};

use super::condition::Conditions;
use super::get_object::no_such_key;
use super::words::{attributes, etag, time};
use super::{Operations, principal};
use crate::access::deny;
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let principal = principal(&request)?;
    let input = request.input;
    let (bucket, key) = source(&input.copy_source)?;
    // The table judged the header; this is what was made of it.
    if !principal.rights.read(bucket, key) {
        return Err(deny("these credentials may not read what is copied"));
    }
    let conditions = Conditions {
        matches: input.copy_source_if_match.clone(),
        none_matches: input.copy_source_if_none_match.clone(),
        modified_since: input.copy_source_if_modified_since.clone(),
        unmodified_since: input.copy_source_if_unmodified_since.clone(),
    };
    let info = operations
        .store
        .head(bucket, key)
        .await
        .map_err(store)?
        .ok_or_else(no_such_key)?;
    check_source(&conditions, &info)?;
    let replace = input
        .metadata_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    if !replace && (bucket, key) == (input.bucket.as_str(), input.key.as_str()) {
        return Err(S3Error::with_message(
            S3ErrorCode::InvalidRequest,
            "an object copied onto itself needs 'x-amz-metadata-directive: REPLACE'",
        ));
    }
    let attributes = replace.then(|| {
        let mut attributes = attributes!(input);
        attributes.checksums.clone_from(&info.attributes.checksums);
        attributes
    });
    let made = operations
        .store
        .copy(
            (bucket, key),
            &input.bucket,
            &input.key,
            attributes,
            Precondition::IfMatch(info.etag.clone()),
            Precondition::None,
        )
        .await
        .map_err(store)?;
    let checksum = |name: &str| made.attributes.checksums.get(name).cloned();
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(etag(&made.etag)),
            last_modified: Some(time(made.modified)),
            checksum_crc32: checksum("CRC32"),
            checksum_crc32c: checksum("CRC32C"),
            checksum_crc64nvme: checksum("CRC64NVME"),
            checksum_sha1: checksum("SHA1"),
            checksum_sha256: checksum("SHA256"),
            checksum_type: None,
        }),
        ..CopyObjectOutput::default()
    }))
}

/// The bucket and key that are copied.
pub(super) fn source(source: &CopySource) -> S3Result<(&str, &str)> {
    match source {
        CopySource::Bucket {
            bucket,
            key,
            version_id,
        } if version_id
            .as_deref()
            .is_none_or(|version| version == "null") =>
        {
            Ok((bucket, key))
        }
        CopySource::Bucket { .. } => Err(S3Error::with_message(
            S3ErrorCode::NoSuchVersion,
            "objects have one version here",
        )),
        _ => Err(S3Error::with_message(
            S3ErrorCode::NotImplemented,
            "a copy's source is written bucket/key here",
        )),
    }
}

/// A copy whose condition fails is refused; `304` is for reads.
pub(super) fn check_source(conditions: &Conditions, info: &ObjectInfo) -> S3Result<()> {
    conditions.check(info).map_err(|_| {
        S3Error::with_message(
            S3ErrorCode::PreconditionFailed,
            "the source does not meet the conditions of the copy",
        )
    })
}
