//! A request to Echo before it is signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use md5::{Digest, Md5};
use skykey_sigv4::{encode_query, uri_encode};
use skykey_types::BucketName;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The service in the signature's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    S3,
    Iam,
    Sts,
}

impl Service {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }
}

/// What is asked of Echo.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// In words that go after "cannot".
    pub(crate) operation: &'static str,
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// Percent-encoded, below the endpoint's own path.
    pub(crate) path: String,
    /// Percent-encoded, without the `?`.
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    /// Twice does the same as once, whatever the method says.
    pub(crate) repeatable: bool,
}

impl Ask {
    pub(crate) fn new(operation: &'static str, method: Method, path: String) -> Self {
        Self {
            operation,
            service: Service::S3,
            method,
            path,
            query: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            repeatable: false,
        }
    }

    /// An action of IAM or STS, which is a form.
    pub(crate) fn form(operation: &'static str, service: Service, fields: &[(&str, &str)]) -> Self {
        let mut ask = Self::new(operation, Method::POST, "/".to_owned());
        ask.service = service;
        // Blanks as %20: RGW refuses some policies with '+' in them.
        ask.body = Bytes::from(encode_query(fields.iter().copied()));
        ask.header("content-type", FORM.to_owned())
    }

    /// Whether only a user of the gateway's own may ask it: the admin API, and policies of users.
    pub(crate) fn is_admins(&self) -> bool {
        self.service == Service::Iam || self.path.starts_with("/admin/")
    }

    pub(crate) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.query = encode_query(pairs.iter().copied());
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// `Content-MD5` of `text` (RFC 1864), of the body or, to be refused, of something else.
    pub(crate) fn digest_of(self, text: &str) -> Self {
        self.header("content-md5", STANDARD.encode(Md5::digest(text)))
    }

    pub(crate) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}

/// A bucket, path style.
pub(crate) fn bucket_path(bucket: &BucketName) -> String {
    format!("/{bucket}")
}

/// An object, path style; the key is encoded but for its slashes.
pub(crate) fn object_path(bucket: &BucketName, key: &str) -> String {
    let key: Vec<String> = key.split('/').map(uri_encode).collect();
    format!("/{bucket}/{}", key.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_but_for_their_slashes() {
        let bucket = "m13".parse().unwrap();
        assert_eq!(
            object_path(&bucket, "a b/c+d?é"),
            "/m13/a%20b/c%2Bd%3F%C3%A9"
        );
    }

    #[test]
    fn a_form_has_no_plus_for_a_blank() {
        let ask = Ask::form(
            "ask",
            Service::Iam,
            &[("Action", "A b"), ("X", "{\"a\": 1}")],
        );
        assert_eq!(&ask.body[..], b"Action=A%20b&X=%7B%22a%22%3A%201%7D");
    }
}
