//! [GetBucketLocation](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html).

use http::Response;

use super::Local;
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;
use crate::xml::Writer;

/// AWS writes its first region as nothing, for historical reasons.
const FIRST_REGION: &str = "us-east-1";

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    local.check_bucket(request.bucket).await?;
    let region = Some(local.region.as_str()).filter(|region| *region != FIRST_REGION);
    Ok(answer::xml(Writer::leaf(
        "LocationConstraint",
        region.unwrap_or_default(),
    )))
}
