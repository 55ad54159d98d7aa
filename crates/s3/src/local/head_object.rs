//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).

use http::Response;
use http::header::CONTENT_LENGTH;

use super::condition::Conditions;
use super::get_object::{partial, wanted};
use super::{Local, object_headers};
use crate::answer::{self, Body};
use crate::fault::Result;
use crate::request::Request;
use crate::words::no_such_key;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let info = local
        .store
        .head(request.bucket, request.key)
        .await?
        .ok_or_else(no_such_key)?;
    Conditions::of_read(request).check(&info)?;
    let part = wanted(request, &info)?;
    let bytes = part.clone().unwrap_or(0..info.size);
    let mut response = answer::empty();
    object_headers::write(response.headers_mut(), &info, request.query, part.is_none())?;
    if part.is_some() {
        partial(&mut response, &bytes, info.size);
    }
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, (bytes.end - bytes.start).into());
    Ok(response)
}
