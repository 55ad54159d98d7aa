//! [PutObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).

use http::Response;
use http::header::ETAG;

use super::Local;
use super::condition::precondition;
use super::object_headers::{attributes_of, checksums, etag};
use super::upload::{announced_length, receive};
use crate::answer::{self, Body};
use crate::checksum::Verifier;
use crate::fault::Result;
use crate::request::Request;

pub(super) async fn answer(local: &Local, mut request: Request<'_>) -> Result<Response<Body>> {
    let precondition = precondition(&request)?;
    let mut attributes = attributes_of(&request)?;
    let verifier = Verifier::new(request.headers)?;
    let length = announced_length(&request.body)?;
    let mut writer = local
        .store
        .begin_write(request.bucket, request.key, Some(length))
        .await?;
    attributes.checksums = receive(verifier, &mut request.body, writer.as_mut()).await?;
    let info = writer.commit(attributes, precondition).await?;
    let mut response = answer::empty();
    response.headers_mut().insert(ETAG, etag(&info.etag));
    checksums(response.headers_mut(), &info.attributes.checksums);
    Ok(response)
}
