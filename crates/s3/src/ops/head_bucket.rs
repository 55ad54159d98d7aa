//! [HeadBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html), and what else tools ask
//! of a bucket: where it is, and whether it keeps versions.

use s3s::dto::{
    BucketLocationConstraint, GetBucketLocationInput, GetBucketLocationOutput,
    GetBucketVersioningInput, GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::Operations;
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    exists(operations, &request.input.bucket).await?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(operations.region.clone()),
        ..HeadBucketOutput::default()
    }))
}

/// The first region of AWS is written as nothing, for historical reasons.
pub(super) async fn location(
    operations: &Operations,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    exists(operations, &request.input.bucket).await?;
    let location_constraint = (operations.region != "us-east-1")
        .then(|| BucketLocationConstraint::from(operations.region.clone()));
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint,
    }))
}

pub(super) async fn versioning(
    operations: &Operations,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    exists(operations, &request.input.bucket).await?;
    Ok(S3Response::new(GetBucketVersioningOutput::default()))
}

pub(super) async fn exists(operations: &Operations, bucket: &str) -> S3Result<()> {
    let buckets = operations.store.buckets().await.map_err(store)?;
    if buckets.iter().any(|found| found.name.as_str() == bucket) {
        Ok(())
    } else {
        Err(S3Error::with_message(
            S3ErrorCode::NoSuchBucket,
            "there is no bucket of that name",
        ))
    }
}
