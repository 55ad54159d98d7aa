//! The operations of S3 that are asked here, a file each: the request, and what is read out of its answer.

pub(crate) mod abort_multipart_upload;
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

use crate::ObjectAddress;

/// What is asked of the store, before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// In words that go after "cannot", before the address.
    pub(crate) operation: &'static str,
    pub(crate) at: ObjectAddress,
    pub(crate) request: skykey_s3_client::Ask,
}

impl Ask {
    pub(crate) fn object(operation: &'static str, method: Method, at: &ObjectAddress) -> Self {
        let request = skykey_s3_client::Ask::object(method, at.bucket.as_str(), &at.key);
        Self::new(operation, at, request)
    }

    pub(crate) fn bucket(operation: &'static str, method: Method, at: &ObjectAddress) -> Self {
        let request = skykey_s3_client::Ask::bucket(method, at.bucket.as_str());
        Self::new(operation, at, request)
    }

    fn new(operation: &'static str, at: &ObjectAddress, request: skykey_s3_client::Ask) -> Self {
        Self {
            operation,
            at: at.clone(),
            request,
        }
    }

    pub(crate) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.request = self.request.query(pairs);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.request = self.request.body(body);
        self
    }
}
