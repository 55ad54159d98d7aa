//! A request before it is signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};
use skykey_sigv4::{encode_query, uri_encode};
use skykey_types::BucketName;
use skykey_upstream::Repeat;

use crate::S3Error;

/// The service in the scope of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Objects and buckets.
    S3,
    /// Users and their policies.
    Iam,
    /// Temporary credentials.
    Sts,
}

impl Service {
    /// The name in the scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }
}

/// What `x-amz-content-sha256` says of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    /// The hash of the request's own bytes; of a body that streams, nothing.
    Hashed,
    /// Nothing: `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// This hash, in hexadecimal, of a body that the caller has read before.
    Known(HeaderValue),
}

/// A request of S3, STS or IAM. Paths and queries are percent-encoded here, headers are kept as
/// they are sent, and a clone shares the body.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) action: &'static str,
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// Percent-encoded, below the endpoint's own path.
    pub(crate) path: String,
    /// Percent-encoded, without the `?`.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) payload: Payload,
    pub(crate) repeat: Repeat,
    /// A header whose value cannot be sent.
    pub(crate) invalid: Option<HeaderName>,
}

impl Request {
    /// A request for a percent-encoded path that begins with `/`, below the endpoint's own path.
    /// `action` goes after "cannot" in messages: `put an object`.
    pub fn at(action: &'static str, method: Method, path: impl Into<String>) -> Self {
        let repeat = if method.is_idempotent() {
            Repeat::Safely
        } else {
            Repeat::OnlyIfNotDone
        };
        Self {
            action,
            service: Service::S3,
            method,
            path: path.into(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            payload: Payload::Hashed,
            repeat,
            invalid: None,
        }
    }

    /// A request for a bucket, path style.
    pub fn bucket(action: &'static str, method: Method, bucket: &BucketName) -> Self {
        Self::at(action, method, format!("/{bucket}"))
    }

    /// A request for an object, path style; the key is encoded but for its slashes.
    pub fn object(action: &'static str, method: Method, bucket: &BucketName, key: &str) -> Self {
        Self::at(action, method, object_path(bucket, key))
    }

    /// An action of IAM or STS, which is a form that is posted.
    pub fn form(action: &'static str, service: Service, fields: &[(&str, &str)]) -> Self {
        // Blanks as %20: RGW refuses some policies with '+' in them.
        let mut request = Self::at(action, Method::POST, "/")
            .body(encode_query(fields.iter().copied()))
            .service(service);
        request.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
        );
        request
    }

    /// What it does, in words that go after "cannot".
    pub fn action(&self) -> &'static str {
        self.action
    }

    /// The same request under other words.
    #[must_use]
    pub fn named(mut self, action: &'static str) -> Self {
        self.action = action;
        self
    }

    /// Signs it for another service.
    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// Sets the query; names and values are encoded here.
    #[must_use]
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.query = encode_query(pairs.iter().copied());
        self
    }

    /// Sets a header, its name in lower case. A value that no header can have fails when the
    /// request is signed.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let name = HeaderName::from_static(name);
        match HeaderValue::try_from(value.into()) {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(_) => self.invalid = Some(name),
        }
        self
    }

    /// The headers, to add those that come from elsewhere. Each name occurs once.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Leaves the body out of the signature: for TLS, where a checksum header costs less.
    #[must_use]
    pub fn unsigned_payload(mut self) -> Self {
        self.payload = Payload::Unsigned;
        self
    }

    /// Signs this SHA-256, in hexadecimal, for a body that was hashed when it was read.
    #[must_use]
    pub fn payload_sha256(mut self, digest: &str) -> Self {
        match HeaderValue::try_from(digest) {
            Ok(digest) => self.payload = Payload::Known(digest),
            Err(_) => self.invalid = Some(HeaderName::from_static("x-amz-content-sha256")),
        }
        self
    }

    /// Adds `Content-MD5` (RFC 1864) of the body.
    #[must_use]
    pub fn content_md5(self) -> Self {
        let body = self.body.clone();
        self.content_md5_of(&body)
    }

    /// Adds `Content-MD5` of other bytes, so that the store refuses the body.
    #[must_use]
    pub fn content_md5_of(self, bytes: &[u8]) -> Self {
        self.header("content-md5", STANDARD.encode(Md5::digest(bytes)))
    }

    /// Writes only where no object is yet (`If-None-Match: *`).
    #[must_use]
    pub fn if_none_match(mut self) -> Self {
        let any = HeaderValue::from_static("*");
        self.headers.insert(http::header::IF_NONE_MATCH, any);
        self
    }

    /// Marks it as safe to send twice, whatever its method says.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Safely;
        self
    }

    /// Whether `.` or `..` is a part of its path. A URL loses such parts
    /// ([URL Standard](https://url.spec.whatwg.org/#single-dot-path-segment)), so that the request
    /// would be for something else.
    pub fn has_dots(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "." | ".."))
    }

    /// The error for a success whose answer is not what the operation answers.
    pub fn unexpected(&self, why: impl Into<String>) -> S3Error {
        S3Error::Unexpected {
            action: self.action,
            why: why.into(),
        }
    }
}

/// The path of an object, path style; the key is encoded but for its slashes.
pub fn object_path(bucket: &BucketName, key: &str) -> String {
    let bucket = bucket.as_str();
    let mut path = String::with_capacity(bucket.len() + key.len() + 8);
    path.push('/');
    path.push_str(bucket);
    for part in key.split('/') {
        path.push('/');
        if part.bytes().all(is_unreserved) {
            path.push_str(part);
        } else {
            path.push_str(&uri_encode(part));
        }
    }
    path
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> Request {
        Request::object("read an object", Method::GET, &"m13".parse().unwrap(), key)
    }

    #[test]
    fn keys_are_encoded_but_for_their_slashes() {
        assert_eq!(object("a b//c+d?é").path, "/m13/a%20b//c%2Bd%3F%C3%A9");
    }

    #[test]
    fn a_key_with_dots_is_told_from_one_without() {
        let dots = |key| object(key).has_dots();
        assert!(dots("a/./b") && dots("..") && dots("a/.."));
        assert!(!dots("a/..b") && !dots("a.b/...") && !dots(""));
    }

    #[test]
    fn a_form_has_no_plus_for_a_blank() {
        let fields = [("Action", "A b"), ("X", "{\"a\": 1}")];
        let form = Request::form("ask", Service::Sts, &fields);
        assert_eq!(&form.body[..], b"Action=A%20b&X=%7B%22a%22%3A%201%7D");
    }
}
