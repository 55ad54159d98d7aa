//! Requests to change something, with a body that says nothing: RGW checks the permission before it
//! reads the body, so whoever may is answered 400, whoever may not 403, and nothing changes. They are
//! [PutObjectAcl](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html),
//! [PutBucketAcl](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html),
//! [PutBucketPolicy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html) and
//! [PutBucketLifecycleConfiguration](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html),
//! which can delete every object.

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;

/// Neither XML nor JSON.
const NOTHING: &str = "<skykey tries whether this is refused";

pub(crate) fn put_object_acl(bucket: &BucketName, key: &str) -> Ask {
    nothing(
        Ask::object("set an object's ACL", Method::PUT, bucket, key),
        "acl",
    )
}

pub(crate) fn put_bucket_acl(bucket: &BucketName) -> Ask {
    put("set a bucket's ACL", bucket, "acl")
}

pub(crate) fn put_bucket_policy(bucket: &BucketName) -> Ask {
    put("set a bucket's policy", bucket, "policy")
}

pub(crate) fn put_bucket_lifecycle(bucket: &BucketName) -> Ask {
    put("set a bucket's lifecycle", bucket, "lifecycle")
}

fn put(operation: &'static str, bucket: &BucketName, what: &str) -> Ask {
    nothing(Ask::bucket(operation, Method::PUT, bucket), what)
}

fn nothing(ask: Ask, what: &str) -> Ask {
    ask.query(&[(what, "")])
        .header("content-type", "application/xml")
        .digest_of(NOTHING)
        .body(NOTHING)
}
