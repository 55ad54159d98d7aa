//! Requests to change something that change nothing: whoever may is answered with a complaint about
//! the request, whoever may not with 403. [`interpret`](crate::interpret) reads the answers.
//!
//! RGW checks the permission before it reads a body, so the bodies here say nothing: of
//! [PutObjectAcl](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html),
//! [PutBucketAcl](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html),
//! [PutBucketPolicy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html) and
//! [PutBucketLifecycleConfiguration](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html),
//! which can delete every object.

use http::Method;
use skykey_s3_client::operations::{copy_object, get_object, put_object, upload_part};
use skykey_s3_client::{ErrorBody, Request, Service};
use skykey_types::{BucketName, Credentials};
use skykey_upstream::Answer;

use crate::{Echo, EchoError};

/// Neither XML nor JSON.
const NOTHING: &str = "<skykey tries whether this is refused";
/// A body that is not stored.
const BODY: &str = "skykey tries whether this is refused\n";
/// An ETag that no object has.
const NO_ETAG: &str = "\"skykey-copies-nothing\"";

/// Reads one byte of an object; an empty object is answered with 416.
pub(crate) fn first_byte(bucket: &BucketName, key: &str) -> Request {
    get_object::range(bucket, key, 0, Some(0))
}

/// Puts an object with the digest of another body: whoever may put is answered 400 `BadDigest`,
/// after the permission was checked and the body read.
pub(crate) fn put_another_body(bucket: &BucketName, key: &str) -> Request {
    put_object::request(bucket, key, BODY)
        .header("content-type", "text/plain")
        .content_md5_of(b"another body")
}

/// Sends a part to an upload that does not exist: whoever may write is answered 404 `NoSuchUpload`.
pub(crate) fn upload_part_to_nothing(bucket: &BucketName, key: &str) -> Request {
    upload_part::request(bucket, key, "2~skykey-no-such-upload", 1, BODY)
}

/// Copies an object if it has an ETag that no object has: whoever may copy is answered 412.
pub(crate) fn copy_another_etag(bucket: &BucketName, from: &str, to: &str) -> Request {
    copy_object::request(bucket, from, to)
        .header("x-amz-copy-source-if-match", NO_ETAG)
        // RGW (16.2.15) ignores that name and knows this one.
        .header("x-amz-copy-if-match", NO_ETAG)
}

/// Sets an object's ACL to nothing.
pub(crate) fn put_object_acl(bucket: &BucketName, key: &str) -> Request {
    let put = Request::object("set an object's ACL", Method::PUT, bucket, key);
    nothing(put, "acl")
}

/// Sets a bucket's ACL to nothing.
pub(crate) fn put_bucket_acl(bucket: &BucketName) -> Request {
    put("set a bucket's ACL", bucket, "acl")
}

/// Sets a bucket's policy to nothing.
pub(crate) fn put_bucket_policy(bucket: &BucketName) -> Request {
    put("set a bucket's policy", bucket, "policy")
}

/// Sets a bucket's lifecycle to nothing.
pub(crate) fn put_bucket_lifecycle(bucket: &BucketName) -> Request {
    put("set a bucket's lifecycle", bucket, "lifecycle")
}

/// Asks for a session token ([GetSessionToken]) with a session token, which must not renew itself.
/// An answer is dropped unread; what it holds would end after 900 s.
///
/// [GetSessionToken]: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
pub(crate) async fn renew(echo: &Echo, credentials: &Credentials) -> Result<Answer, EchoError> {
    let fields = [
        ("Action", "GetSessionToken"),
        ("DurationSeconds", "900"),
        ("Version", "2011-06-15"),
    ];
    let action = "renew a session token with itself";
    let request = Request::form(action, Service::Sts, &fields).repeatable();
    let answer = echo.send(credentials, &request).await?;
    // Ceph before Reef wants the service `s3` in the scope.
    if ErrorBody::parse(&answer.text()).code == "SignatureDoesNotMatch" {
        return echo.send(credentials, &request.service(Service::S3)).await;
    }
    Ok(answer)
}

fn put(action: &'static str, bucket: &BucketName, what: &str) -> Request {
    nothing(Request::bucket(action, Method::PUT, bucket), what)
}

fn nothing(request: Request, what: &str) -> Request {
    request
        .query(&[(what, "")])
        .header("content-type", "application/xml")
        .body(NOTHING)
        .content_md5()
}
