//! The header with a request's id: in the response, and from the proxy in front.

use http::{HeaderMap, HeaderName, HeaderValue};
use skykey_types::RequestId;

/// The header with the id.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the proxy's id, if the proxy is trusted and the id is valid; makes one otherwise.
pub(crate) fn request_id(headers: &HeaderMap, trusted: bool) -> RequestId {
    let given = trusted
        .then(|| headers.get(&HEADER)?.to_str().ok())
        .flatten();
    given.and_then(RequestId::parse).unwrap_or_default()
}

/// Returns the id as the response's header.
pub(crate) fn header(id: &RequestId) -> HeaderValue {
    HeaderValue::from_str(id.as_str()).expect("an id is letters, digits, '.', '_' and '-'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[u8], trusted: bool) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(given).unwrap());
        request_id(&headers, trusted).as_str().to_owned()
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
