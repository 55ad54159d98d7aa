//! [DeleteBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html), of a bucket
//! that a proof made.

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;

pub(crate) fn ask(bucket: &BucketName) -> Ask {
    Ask::bucket("delete a bucket", Method::DELETE, bucket)
}
