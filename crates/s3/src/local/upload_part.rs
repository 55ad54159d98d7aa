//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html).

use http::Response;
use http::header::ETAG;
use skykey_store::{Attributes, Precondition};

use super::Local;
use super::object_headers::{checksums, etag};
use super::upload::{announced_length, part_number, receive, upload_id};
use crate::answer::{self, Body};
use crate::checksum::Verifier;
use crate::fault::Result;
use crate::request::Request;

pub(super) async fn answer(local: &Local, mut request: Request<'_>) -> Result<Response<Body>> {
    let (upload, number) = (upload_id(&request), part_number(&request)?);
    let verifier = Verifier::new(request.headers)?;
    let length = announced_length(&request.body)?;
    let mut writer = local
        .store
        .begin_part(request.bucket, request.key, &upload, number, Some(length))
        .await?;
    let attributes = Attributes {
        checksums: receive(verifier, &mut request.body, writer.as_mut()).await?,
        ..Attributes::default()
    };
    let info = writer.commit(attributes, Precondition::None).await?;
    let mut response = answer::empty();
    response.headers_mut().insert(ETAG, etag(&info.etag));
    checksums(response.headers_mut(), &info.attributes.checksums);
    Ok(response)
}
