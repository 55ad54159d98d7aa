//! [GetObjectTagging](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html): no
//! object here has tags. `aws s3 cp` asks for them when it copies a large object.

use http::Response;

use super::Local;
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;
use crate::words::no_such_key;
use crate::xml::Writer;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    local
        .store
        .head(request.bucket, request.key)
        .await?
        .ok_or_else(no_such_key)?;
    let mut xml = Writer::rooted("Tagging");
    xml.text("TagSet", "");
    Ok(answer::xml(xml.end("Tagging")))
}
