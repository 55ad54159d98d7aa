//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).

use http::header::{IF_MATCH, RANGE};
use http::{HeaderMap, HeaderValue, Method};
use skykey_types::BucketName;

use crate::{ETag, Request};

/// Reads an object.
pub fn request(bucket: &BucketName, key: &str) -> Request {
    Request::object("read an object", Method::GET, bucket, key)
}

/// Reads the bytes from `begin` to `end`, both included, as RFC 9110 §14.1.2 counts them; without
/// an end, to the last. An object that has none of them is answered 416.
pub fn range(bucket: &BucketName, key: &str, begin: u64, end: Option<u64>) -> Request {
    let range = match end {
        Some(end) => format!("bytes={begin}-{end}"),
        None => format!("bytes={begin}-"),
    };
    let mut request = request(bucket, key);
    let range = HeaderValue::try_from(range).expect("digits and a dash are a header's value");
    request.headers_mut().insert(RANGE, range);
    request
}

/// The same request for the object of that ETag and no other: one that was replaced is answered 412.
#[must_use]
pub fn if_match(mut request: Request, etag: &ETag) -> Request {
    match HeaderValue::try_from(etag.as_str()) {
        Ok(value) => {
            request.headers_mut().insert(IF_MATCH, value);
        }
        Err(_) => request.invalid = Some(IF_MATCH),
    }
    request
}

/// The first byte and the length of the whole object, out of `Content-Range` (RFC 9110 §14.4).
pub fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    parse(headers.get(http::header::CONTENT_RANGE)?.to_str().ok()?)
}

fn parse(text: &str) -> Option<(u64, u64)> {
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (begin, _) = range.split_once('-')?;
    Some((begin.parse().ok()?, whole.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_says_where_it_begins_and_how_long_all_is() {
        assert_eq!(parse("bytes 5-9/10"), Some((5, 10)));
        for other in ["", "bytes 5-9/*", "bytes */10", "5-9/10", "bytes -1-9/10"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
