//! A `Range` against the size of an object (RFC 9110 §14.1.2).

use http::HeaderValue;
use http::header::CONTENT_RANGE;
use s3s::dto::Range;
use s3s::{S3Error, S3ErrorCode, S3Result};

/// The bytes that are meant; an error that names the size if there is not one of them. `s3s` lets the
/// suffix of an empty object pass, of which nobody could write the `Content-Range`.
pub(super) fn bytes_of(range: Range, size: u64) -> S3Result<std::ops::Range<u64>> {
    let bytes = range.check(size).ok().filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| {
        let mut error = S3Error::with_message(
            S3ErrorCode::InvalidRange,
            format!("the range lies outside the object, which has {size} bytes"),
        );
        let unsatisfied = HeaderValue::from_str(&format!("bytes */{size}"))
            .expect("digits and letters are a header value");
        error.set_headers([(CONTENT_RANGE, unsatisfied)].into_iter().collect());
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_of_an_empty_object_cannot_be_had() {
        let bytes = |range: &str, size| bytes_of(Range::parse(range).unwrap(), size).ok();
        assert_eq!(bytes("bytes=-5", 0), None);
        assert_eq!(bytes("bytes=0-", 0), None);
        assert_eq!(bytes("bytes=-0", 10), None);
        assert_eq!(bytes("bytes=10-", 10), None);
        assert_eq!(bytes("bytes=-5", 3), Some(0..3));
        assert_eq!(bytes("bytes=2-100", 10), Some(2..10));
    }
}
