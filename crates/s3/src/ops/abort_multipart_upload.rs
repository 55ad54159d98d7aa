//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).

use s3s::dto::{AbortMultipartUploadInput, AbortMultipartUploadOutput};
use s3s::{S3Request, S3Response, S3Result};
use skykey_store::UploadId;

use super::Operations;
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let input = request.input;
    let upload = UploadId::from_text(input.upload_id);
    operations
        .store
        .abort_upload(&input.bucket, &input.key, &upload)
        .await
        .map_err(store)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}
