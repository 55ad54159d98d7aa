//! [DeleteObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html): an object
//! that does not exist is deleted already.

use http::Response;

use super::Local;
use super::condition::precondition;
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    local
        .store
        .delete(request.bucket, request.key, precondition(request)?)
        .await?;
    Ok(answer::no_content())
}
