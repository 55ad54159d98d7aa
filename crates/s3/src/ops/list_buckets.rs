//! [ListBuckets](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html), cut to what the
//! caller may see.

use s3s::dto::{Bucket, ListBucketsInput, ListBucketsOutput, Owner};
use s3s::{S3Request, S3Response, S3Result};

use super::words::time;
use super::{Operations, principal};
use crate::error::store;

pub(super) async fn answer(
    operations: &Operations,
    request: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let principal = principal(&request)?;
    let prefix = request.input.prefix.unwrap_or_default();
    let buckets = operations.store.buckets().await.map_err(store)?;
    let buckets = buckets
        .into_iter()
        .filter(|bucket| {
            principal.rights.see(bucket.name.as_str()) && bucket.name.as_str().starts_with(&prefix)
        })
        .map(|bucket| Bucket {
            creation_date: Some(time(bucket.created)),
            name: Some(bucket.name.to_string()),
            bucket_region: Some(operations.region.clone()),
        })
        .collect();
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(Owner {
            display_name: Some(principal.survey.to_string()),
            id: Some(principal.survey.to_string()),
        }),
        ..ListBucketsOutput::default()
    }))
}
