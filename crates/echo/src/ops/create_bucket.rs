//! [CreateBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).

use http::Method;
use skykey_types::BucketName;

use crate::ask::{Ask, bucket_path};

pub(crate) fn ask(bucket: &BucketName) -> Ask {
    Ask::new("create a bucket", Method::PUT, bucket_path(bucket))
}
