//! [GetBucketVersioning](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html):
//! a bucket here has never kept versions, which S3 says by an empty document.

use http::Response;

use super::Local;
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;
use crate::xml::Writer;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    local.check_bucket(request.bucket).await?;
    Ok(answer::xml(Writer::leaf("VersioningConfiguration", "")))
}
