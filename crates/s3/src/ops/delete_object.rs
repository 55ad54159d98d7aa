//! [DeleteObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html): what is not
//! there is deleted already.

use s3s::dto::{DeleteObjectInput, DeleteObjectOutput};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_store::Precondition;

use super::Operations;
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let input = request.input;
    if input.if_match.is_some()
        || input.if_match_size.is_some()
        || input.if_match_last_modified_time.is_some()
    {
        return Err(S3Error::with_message(
            S3ErrorCode::NotImplemented,
            "conditional deletes are not served here",
        ));
    }
    operations
        .store
        .delete(&input.bucket, &input.key, Precondition::None)
        .await
        .map_err(store)?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}
