//! [HeadBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).

use http::{HeaderValue, Response};

use super::Local;
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    local.check_bucket(request.bucket).await?;
    let mut response = answer::empty();
    if let Ok(region) = HeaderValue::from_str(&local.region) {
        response.headers_mut().insert("x-amz-bucket-region", region);
    }
    Ok(response)
}
