//! A `Range` against the size of an object (RFC 9110 §14).

use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue};

use crate::fault::{Code, Fault, Result};

/// One range of bytes, as a request asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// From the first byte to the last, both included; to the end without a last.
    From { first: u64, last: Option<u64> },
    /// The last so many bytes.
    Suffix(u64),
}

impl ByteRange {
    /// The range that the headers ask for. One that cannot be read (malformed, another unit,
    /// several ranges, given twice) is ignored, and the whole object is the answer (§14.2; AWS does
    /// the same).
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(RANGE).iter();
        match (values.next(), values.next()) {
            (Some(one), None) => Self::parse(one.to_str().ok()?),
            _ => None,
        }
    }

    /// Reads `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-LENGTH`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // A number that is too large lies behind every end.
            is_number.then(|| text.parse().unwrap_or(u64::MAX))
        };
        match (first, last) {
            ("", length) => Some(Self::Suffix(number(length)?)),
            (first, "") => Some(Self::From {
                first: number(first)?,
                last: None,
            }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From {
                    first,
                    last: Some(last),
                })
            }
        }
    }

    /// The bytes that are meant, of an object of `size` bytes. An error that names the size if
    /// there is not one of them.
    pub(super) fn within(self, size: u64) -> Result<std::ops::Range<u64>> {
        let range = match self {
            Self::From { first, last } => {
                first..last.map_or(size, |last| last.saturating_add(1).min(size))
            }
            Self::Suffix(length) => size.saturating_sub(length)..size,
        };
        if range.start < range.end {
            return Ok(range);
        }
        let unsatisfied = HeaderValue::from_str(&format!("bytes */{size}"))
            .expect("digits and letters are a header value");
        let fault = Fault::new(
            Code::InvalidRange,
            format!("the range lies outside the object, which has {size} bytes"),
        );
        Err(fault.with_header(CONTENT_RANGE, unsatisfied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_of_an_empty_object_cannot_be_had() {
        let bytes = |range: &str, size| ByteRange::parse(range).unwrap().within(size).ok();
        assert_eq!(bytes("bytes=-5", 0), None);
        assert_eq!(bytes("bytes=0-", 0), None);
        assert_eq!(bytes("bytes=-0", 10), None);
        assert_eq!(bytes("bytes=10-", 10), None);
        assert_eq!(bytes("bytes=-5", 3), Some(0..3));
        assert_eq!(bytes("bytes=2-100", 10), Some(2..10));
        assert_eq!(bytes("bytes=2-18446744073709551615", 10), Some(2..10));
        assert_eq!(bytes("bytes=0-0", 10), Some(0..1));
    }

    #[test]
    fn a_range_that_cannot_be_read_is_ignored() {
        let of = |ranges: &[&str]| {
            let headers = ranges.iter().map(|range| (RANGE, range.parse().unwrap()));
            ByteRange::of(&headers.collect())
        };
        for bad in [
            "bytes=abc",
            "bytes=5-2",
            "bytes=",
            "bytes=-",
            "bytes=0-1,3-4",
            "lines=0-5",
            "0-5",
            "",
            "bytes=+1-2",
        ] {
            assert_eq!(of(&[bad]), None, "{bad}");
        }
        assert_eq!(of(&["bytes=0-1", "bytes=0-1"]), None);
        assert_eq!(of(&["bytes=-5"]), Some(ByteRange::Suffix(5)));
        let from = |first, last| Some(ByteRange::From { first, last });
        assert_eq!(of(&["bytes=0-5"]), from(0, Some(5)));
        assert_eq!(of(&["bytes=5-"]), from(5, None));
    }
}
