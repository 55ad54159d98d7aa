//! [ListMultipartUploads](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html),
//! cut to the keys that the caller may write.

use s3s::dto::{ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_store::UploadId;

use super::listing::{Encoding, limit};
use super::words::time;
use super::{Operations, principal};
use crate::access::deny;
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let principal = principal(&request)?;
    let input = request.input;
    let prefix = input.prefix.clone().unwrap_or_default();
    if !principal.rights.write(&input.bucket, &prefix) {
        return Err(deny(
            "these credentials may list uploads below a prefix that they may write",
        ));
    }
    if input
        .delimiter
        .as_deref()
        .is_some_and(|delimiter| !delimiter.is_empty())
    {
        return Err(S3Error::with_message(
            S3ErrorCode::NotImplemented,
            "uploads are listed without a delimiter here",
        ));
    }
    let limit = limit(input.max_uploads)?;
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let marker = UploadId::from_text(input.upload_id_marker.as_deref().unwrap_or(LAST));
    let after = input
        .key_marker
        .as_deref()
        .filter(|key| !key.is_empty())
        .map(|key| (key, &marker));
    let mut uploads = operations
        .store
        .uploads(&input.bucket, &prefix, after, limit + 1)
        .await
        .map_err(store)?;
    let truncated = uploads.len() > limit;
    uploads.truncate(limit);
    Ok(S3Response::new(ListMultipartUploadsOutput {
        is_truncated: Some(truncated),
        next_key_marker: uploads
            .last()
            .filter(|_| truncated)
            .map(|upload| encoding.apply(&upload.key)),
        next_upload_id_marker: uploads
            .last()
            .filter(|_| truncated)
            .map(|upload| upload.id.to_string()),
        uploads: Some(
            uploads
                .iter()
                .map(|upload| MultipartUpload {
                    key: Some(encoding.apply(&upload.key)),
                    upload_id: Some(upload.id.to_string()),
                    initiated: Some(time(upload.initiated)),
                    ..MultipartUpload::default()
                })
                .collect(),
        ),
        bucket: Some(input.bucket),
        prefix: Some(encoding.apply(&prefix)),
        key_marker: input.key_marker.map(|key| encoding.apply(&key)),
        upload_id_marker: input.upload_id_marker,
        max_uploads: i32::try_from(limit).ok(),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    }))
}

/// A key marker without an upload marker means: after every upload of that key.
const LAST: &str = "\u{10FFFF}";
