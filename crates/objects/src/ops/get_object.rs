//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html), whole or from a byte on.

use http::Method;

use super::Ask;
use crate::{ETag, ObjectAddress};

pub(crate) fn ask(at: &ObjectAddress) -> Ask {
    Ask::object("read", Method::GET, at)
}

/// The rest of the object that was begun, and of no other.
pub(crate) fn ask_from(at: &ObjectAddress, begin: u64, of: &ETag) -> Ask {
    ask(at)
        .header("range", format!("bytes={begin}-"))
        .header("if-match", of.as_str())
}

/// The first byte and the length of the whole, out of `Content-Range` (RFC 9110 §14.4).
pub(crate) fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (begin, _) = range.split_once('-')?;
    Some((begin.parse().ok()?, whole.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_says_where_it_begins_and_how_long_all_is() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 10)));
        for other in ["", "bytes 5-9/*", "bytes */10", "5-9/10", "bytes -1-9/10"] {
            assert_eq!(content_range(other), None, "{other}");
        }
    }
}
