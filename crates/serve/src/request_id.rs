//! Request ids: one id for a request, in the response, in the log, and at the proxy in front.

use http::{HeaderMap, HeaderName, HeaderValue};
use skykey_types::random_token;

/// The header with the id.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, an extension of every request: the trusted proxy's, or 16 random characters out of
/// `A–Z2–7` (80 bits).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Makes a new id.
    #[must_use]
    pub fn new() -> Self {
        Self(random_token(16))
    }

    /// Takes the proxy's id, if the proxy is trusted and the id is 1 to 64 characters out of
    /// `A–Z a–z 0–9 . _ -`; makes one
    /// otherwise.
    pub(crate) fn of(headers: &HeaderMap, believed: bool) -> Self {
        let given = believed
            .then(|| headers.get(&HEADER)?.to_str().ok())
            .flatten()
            .filter(|id| is_id(id));
        given.map_or_else(Self::new, |id| Self(id.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is letters, digits, '.', '_' and '-'")
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[u8], believed: bool) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(given).unwrap());
        RequestId::of(&headers, believed).0
    }

    #[test]
    fn a_trusted_id_is_kept_and_any_other_replaced() {
        assert_eq!(of(b"edge-1.a_B", true), "edge-1.a_B");
        assert_eq!(of(&[b'a'; 64], true), "a".repeat(64));
        for bad in [&b""[..], &[b'a'; 65], b"a b", b"a\"b", "ä".as_bytes()] {
            assert_eq!(of(bad, true).len(), 16);
        }
        assert_ne!(of(b"edge-1", false), "edge-1");
    }
}
