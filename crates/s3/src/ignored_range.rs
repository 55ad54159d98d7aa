//! `Range` headers that cannot be read: malformed, of another unit than bytes, or of several ranges.
//! They are ignored, and the whole object is the answer, as RFC 9110 §14.2 and AWS have it. `s3s` would
//! answer with an error, and the header cannot be taken away beforehand, because most clients sign it.
//! So such a request is a route of its own: `s3s` verifies it as it came, then a second service, which
//! judges by the same table, serves it without the header.

use http::header::{AUTHORIZATION, RANGE};
use http::{HeaderMap, Method, Uri};
use s3s::dto::Range;
use s3s::service::S3Service;
use s3s::{Body, HttpRequest, S3Error, S3Request, S3Response, S3Result};

use crate::access::{Verified, decode};

/// Whether the request reads an object and has a `Range` that is to be ignored.
pub(crate) fn is_match(method: &Method, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(RANGE).iter();
    let readable = match (values.next(), values.next()) {
        (None, _) => true,
        (Some(one), None) => one.to_str().is_ok_and(|text| Range::parse(text).is_ok()),
        (Some(_), Some(_)) => false,
    };
    !readable && (method == Method::GET || method == Method::HEAD)
}

/// Serves a request whose signature has been verified, as if it had no `Range`.
pub(crate) async fn answer(
    unsigned: &S3Service,
    request: S3Request<Body>,
) -> S3Result<S3Response<Body>> {
    let mut again = HttpRequest::new(Body::empty());
    *again.method_mut() = request.method;
    *again.uri_mut() = without_signature(&request.uri)?;
    *again.headers_mut() = request.headers;
    again.headers_mut().remove(RANGE);
    again.headers_mut().remove(AUTHORIZATION);
    again.extensions_mut().insert(Verified);
    // Boxed: the future of an S3 request is large.
    let (parts, body) = Box::pin(unsigned.call(again))
        .await
        .map_err(|error| S3Error::internal_error(std::io::Error::other(format!("{error:?}"))))?
        .into_parts();
    let mut response = S3Response::with_status(body, parts.status);
    response.headers = parts.headers;
    response.extensions = parts.extensions;
    Ok(response)
}

/// The address without the parameters that sign a presigned URL.
fn without_signature(uri: &Uri) -> S3Result<Uri> {
    let Some(query) = uri.query() else {
        return Ok(uri.clone());
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            !decode(name).starts_with("X-Amz-")
        })
        .collect();
    let text = format!("{}?{}", uri.path(), kept.join("&"));
    text.parse().map_err(S3Error::internal_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_cannot_be_read_is_ignored_and_one_that_can_is_not() {
        let ignored = |method: Method, ranges: &[&str]| {
            let headers = ranges.iter().map(|range| (RANGE, range.parse().unwrap()));
            is_match(&method, &headers.collect())
        };
        for bad in [
            "bytes=abc",
            "bytes=5-2",
            "bytes=",
            "bytes=0-1,3-4",
            "lines=0-5",
            "0-5",
            "",
        ] {
            assert!(ignored(Method::GET, &[bad]), "{bad}");
            assert!(ignored(Method::HEAD, &[bad]), "{bad}");
            assert!(!ignored(Method::PUT, &[bad]), "{bad}");
        }
        assert!(ignored(Method::GET, &["bytes=0-1", "bytes=0-1"]));
        for good in ["bytes=0-5", "bytes=5-", "bytes=-5", "bytes=-0"] {
            assert!(!ignored(Method::GET, &[good]), "{good}");
        }
        assert!(!ignored(Method::GET, &[]));
    }

    #[test]
    fn a_presigned_url_loses_its_signature_and_nothing_else() {
        let stripped = |uri: &str| {
            without_signature(&uri.parse().unwrap())
                .unwrap()
                .to_string()
        };
        assert_eq!(
            stripped(
                "/b/k%20?X-Amz-Signature=0&response-content-type=a%2Fb&%58-Amz-Date=1&versionId=null"
            ),
            "/b/k%20?response-content-type=a%2Fb&versionId=null"
        );
        assert_eq!(stripped("/b/k"), "/b/k");
    }
}
