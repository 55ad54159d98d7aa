//! [UploadPartCopy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html).

use futures::StreamExt;
use s3s::dto::{CopyPartResult, Range, UploadPartCopyInput, UploadPartCopyOutput};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_store::{Attributes, Precondition, StoreError, UploadId};

use super::condition::Conditions;
use super::copy_object::{check_source, source};
use super::get_object::no_such_key;
use super::range::bytes_of;
use super::upload_part::part_number;
use super::words::{etag, time};
use super::{Operations, principal};
use crate::access::deny;
use crate::checksum::Verifier;
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let principal = principal(&request)?;
    let input = request.input;
    let (bucket, key) = source(&input.copy_source)?;
    if !principal.rights.read(bucket, key) {
        return Err(deny("these credentials may not read what is copied"));
    }
    let opened = operations
        .store
        .open(bucket, key)
        .await
        .map_err(store)?
        .ok_or_else(no_such_key)?;
    let conditions = Conditions {
        matches: input.copy_source_if_match,
        none_matches: input.copy_source_if_none_match,
        modified_since: input.copy_source_if_modified_since,
        unmodified_since: input.copy_source_if_unmodified_since,
    };
    check_source(&conditions, &opened.info)?;
    let range = match &input.copy_source_range {
        None => 0..opened.info.size,
        Some(text) => {
            let range = Range::parse(text).map_err(|_| {
                S3Error::with_message(
                    S3ErrorCode::InvalidArgument,
                    "x-amz-copy-source-range cannot be read; write it like bytes=0-1048575",
                )
            })?;
            bytes_of(range, opened.info.size)?
        }
    };
    let size = range.end - range.start;
    let upload = UploadId::from_text(input.upload_id);
    let number = part_number(input.part_number)?;
    let mut writer = operations
        .store
        .begin_part(&input.bucket, &input.key, &upload, number, Some(size))
        .await
        .map_err(store)?;
    let no_headers = http::HeaderMap::new();
    let mut verifier = Verifier::new(&no_headers)?;
    let mut body = opened.read(range);
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|source| {
            store(StoreError::Io {
                action: "read",
                path: key.into(),
                source,
            })
        })?;
        verifier.update(&bytes);
        writer.write(bytes).await.map_err(store)?;
    }
    let attributes = Attributes {
        checksums: verifier.finish(&no_headers, None)?,
        ..Attributes::default()
    };
    let info = writer
        .commit(attributes, Precondition::None)
        .await
        .map_err(store)?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(etag(&info.etag)),
            last_modified: Some(time(info.modified)),
            ..CopyPartResult::default()
        }),
        ..UploadPartCopyOutput::default()
    }))
}
