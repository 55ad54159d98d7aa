//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).

use http::Response;

use super::Local;
use super::upload::upload_id;
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    local
        .store
        .abort_upload(request.bucket, request.key, &upload_id(request))
        .await?;
    Ok(answer::no_content())
}
