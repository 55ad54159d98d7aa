//! [DeleteObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html): up to 1,000
//! keys, each judged by itself.

use futures::StreamExt;
use s3s::dto::{DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Error};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use skykey_store::Precondition;

use super::{Operations, principal};
use crate::error::store;

/// The most keys of one request.
const MOST: usize = 1000;
/// How many are deleted at a time.
const AT_ONCE: usize = 16;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let principal = principal(&request)?;
    let input = request.input;
    if input.delete.objects.len() > MOST {
        return Err(S3Error::with_message(
            S3ErrorCode::MalformedXML,
            "at most 1000 keys can be deleted at once",
        ));
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    let bucket = input.bucket.as_str();
    let principal = &principal;
    let outcomes: Vec<(String, Result<(), S3Error>)> = futures::stream::iter(input.delete.objects)
        .map(|object| async move {
            let outcome = if principal.rights.write(bucket, &object.key) {
                operations
                    .store
                    .delete(bucket, &object.key, Precondition::None)
                    .await
                    .map(drop)
                    .map_err(store)
            } else {
                Err(crate::access::deny(
                    "these credentials do not give that right here",
                ))
            };
            (object.key, outcome)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for (key, outcome) in outcomes {
        match outcome {
            Ok(()) if quiet => {}
            Ok(()) => deleted.push(DeletedObject {
                key: Some(key),
                ..DeletedObject::default()
            }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                message: error.message().map(str::to_owned),
                key: Some(key),
                version_id: None,
            }),
        }
    }
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: Some(deleted),
        errors: Some(errors),
        request_charged: None,
    }))
}
