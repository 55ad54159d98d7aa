//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html), to an upload that
//! does not exist: whoever may write is answered 404 `NoSuchUpload`.

use http::Method;
use skykey_types::BucketName;

use crate::ask::Ask;

pub(crate) fn ask(bucket: &BucketName, key: &str) -> Ask {
    Ask::object("upload a part", Method::PUT, bucket, key)
        .query(&[("partNumber", "1"), ("uploadId", "2~skykey-no-such-upload")])
        .body("skykey tries whether this is refused\n")
}
