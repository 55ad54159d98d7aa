//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html): whole or a
//! range, with conditions.

use http::header::{CONTENT_RANGE, IF_RANGE};
use http::{HeaderValue, Response, StatusCode};
use skykey_store::ObjectInfo;

use super::condition::Conditions;
use super::range::ByteRange;
use super::{Local, object_headers};
use crate::answer::Body;
use crate::fault::Result;
use crate::request::Request;
use crate::words::no_such_key;

pub(super) async fn answer(local: &Local, request: &Request<'_>) -> Result<Response<Body>> {
    let object = local
        .store
        .open(request.bucket, request.key)
        .await?
        .ok_or_else(no_such_key)?;
    let info = &object.info;
    Conditions::of_read(request).check(info)?;
    let part = wanted(request, info)?;
    let bytes = part.clone().unwrap_or(0..info.size);
    let body = Body::stream(object.read(bytes.clone()), bytes.end - bytes.start);
    let mut response = Response::new(body);
    object_headers::write(response.headers_mut(), info, request.query, part.is_none())?;
    if part.is_some() {
        partial(&mut response, &bytes, info.size);
    }
    Ok(response)
}

/// The range that is asked for; `None` for the whole. `If-Range` asks for it of one version only
/// (RFC 9110 §13.1.5).
pub(super) fn wanted(
    request: &Request<'_>,
    info: &ObjectInfo,
) -> Result<Option<std::ops::Range<u64>>> {
    let same_version = request
        .header(IF_RANGE)
        .is_none_or(|etag| etag.trim().trim_matches('"') == info.etag);
    ByteRange::of(request.headers)
        .filter(|_| same_version)
        .map(|range| range.within(info.size))
        .transpose()
}

/// Marks the answer as a part of the whole.
pub(super) fn partial<B>(response: &mut Response<B>, bytes: &std::ops::Range<u64>, size: u64) {
    let range = format!(
        "bytes {}-{}/{size}",
        bytes.start,
        bytes.end.saturating_sub(1)
    );
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    response.headers_mut().insert(
        CONTENT_RANGE,
        HeaderValue::from_str(&range).expect("digits and letters are a header value"),
    );
}
