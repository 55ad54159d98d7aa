//! A request before it is signed.

use bytes::Bytes;
use http::Method;
use skykey_sigv4::{encode_query, uri_encode};

/// What is asked of an endpoint.
#[derive(Debug, Clone)]
pub struct Ask {
    pub(crate) method: Method,
    /// Percent-encoded, below the endpoint's own path.
    pub(crate) path: String,
    /// Percent-encoded, without the `?`.
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Ask {
    /// Something at a path, percent-encoded, that begins with `/`; it is below the endpoint's own.
    pub fn at(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// A bucket, path style.
    pub fn bucket(method: Method, bucket: &str) -> Self {
        Self::at(method, format!("/{bucket}"))
    }

    /// An object, path style; its key is encoded here, but for the slashes.
    pub fn object(method: Method, bucket: &str, key: &str) -> Self {
        Self::at(method, object_path(bucket, key))
    }

    /// An action of IAM or STS, which is a form that is posted.
    pub fn form(fields: &[(&str, &str)]) -> Self {
        // Blanks as %20: RGW refuses some policies with '+' in them.
        Self::at(Method::POST, "/")
            .body(encode_query(fields.iter().copied()))
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
    }

    /// Whether `.` or `..` is a part of its path, which gets lost in a URL
    /// ([URL Standard](https://url.spec.whatwg.org/#single-dot-path-segment)), so that something else would be asked.
    pub fn has_dots(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "." | ".."))
    }

    /// With this query; names and values are encoded here.
    #[must_use]
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.query = encode_query(pairs.iter().copied());
        self
    }

    /// With one header more, its name in lower case.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// The path of an object, path style; the key is encoded but for its slashes.
pub fn object_path(bucket: &str, key: &str) -> String {
    let key: Vec<String> = key.split('/').map(uri_encode).collect();
    format!("/{bucket}/{}", key.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_but_for_their_slashes() {
        let ask = Ask::object(Method::GET, "m13", "a b//c+d?é");
        assert_eq!(ask.path, "/m13/a%20b//c%2Bd%3F%C3%A9");
    }

    #[test]
    fn a_key_with_dots_is_told_from_one_without() {
        let dots = |key| Ask::object(Method::GET, "m13", key).has_dots();
        assert!(dots("a/./b") && dots("..") && dots("a/.."));
        assert!(!dots("a/..b") && !dots("a.b/...") && !dots(""));
    }

    #[test]
    fn a_form_has_no_plus_for_a_blank() {
        let ask = Ask::form(&[("Action", "A b"), ("X", "{\"a\": 1}")]);
        assert_eq!(&ask.body[..], b"Action=A%20b&X=%7B%22a%22%3A%201%7D");
    }
}
