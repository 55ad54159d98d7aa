//! The operations of S3 that are asked here, a file each: the request, and what is read out of its answer.

pub(crate) mod abort_multipart_upload;
pub(crate) mod answer;
pub(crate) mod complete_multipart_upload;
pub(crate) mod create_multipart_upload;
pub(crate) mod delete_object;
pub(crate) mod get_object;
pub(crate) mod head_object;
pub(crate) mod list_objects;
pub(crate) mod put_object;
pub(crate) mod upload_part;

use bytes::Bytes;
use http::Method;
use skykey_sigv4::{encode_query, uri_encode};

use crate::ObjectAddress;

/// What is asked of the store, before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// In words that go after "cannot", before the address.
    pub(crate) operation: &'static str,
    pub(crate) at: ObjectAddress,
    pub(crate) method: Method,
    /// Percent-encoded, below the endpoint's own path; path style.
    pub(crate) path: String,
    /// Percent-encoded, without the `?`.
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Ask {
    pub(crate) fn object(operation: &'static str, method: Method, at: &ObjectAddress) -> Self {
        let key: Vec<String> = at.key.split('/').map(uri_encode).collect();
        let path = format!("/{}/{}", at.bucket, key.join("/"));
        Self::new(operation, method, at, path)
    }

    pub(crate) fn bucket(operation: &'static str, method: Method, at: &ObjectAddress) -> Self {
        Self::new(operation, method, at, format!("/{}", at.bucket))
    }

    fn new(operation: &'static str, method: Method, at: &ObjectAddress, path: String) -> Self {
        Self {
            operation,
            at: at.clone(),
            method,
            path,
            query: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.query = encode_query(pairs.iter().copied());
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_but_for_their_slashes() {
        let at = "s3://m13/a b//c+d?é".parse().unwrap();
        let ask = Ask::object("read", Method::GET, &at);
        assert_eq!(ask.path, "/m13/a%20b//c%2Bd%3F%C3%A9");
    }
}
