//! [CreateBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;

pub(crate) fn ask(bucket: &BucketName) -> Ask {
    Ask::bucket("create a bucket", Method::PUT, bucket)
}
