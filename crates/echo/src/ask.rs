//! A request to Echo before it is signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use md5::{Digest, Md5};
use skykey_types::BucketName;

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
    pub(crate) request: skykey_s3_client::Ask,
    /// Twice does the same as once, whatever the method says.
    pub(crate) repeatable: bool,
    /// Only a user of the gateway's own may ask it: the admin API, and policies of users.
    pub(crate) admins: bool,
}

impl Ask {
    fn new(operation: &'static str, request: skykey_s3_client::Ask) -> Self {
        Self {
            operation,
            service: Service::S3,
            request,
            repeatable: false,
            admins: false,
        }
    }

    /// The list of buckets.
    pub(crate) fn root(operation: &'static str) -> Self {
        Self::new(operation, skykey_s3_client::Ask::at(Method::GET, "/"))
    }

    pub(crate) fn bucket(operation: &'static str, method: Method, bucket: &BucketName) -> Self {
        let request = skykey_s3_client::Ask::bucket(method, bucket.as_str());
        Self::new(operation, request)
    }

    pub(crate) fn object(
        operation: &'static str,
        method: Method,
        bucket: &BucketName,
        key: &str,
    ) -> Self {
        let request = skykey_s3_client::Ask::object(method, bucket.as_str(), key);
        Self::new(operation, request)
    }

    /// A user, at the [admin API](https://docs.ceph.com/en/pacific/radosgw/adminops/).
    pub(crate) fn admin_user(operation: &'static str, method: Method) -> Self {
        let request = skykey_s3_client::Ask::at(method, "/admin/user");
        Self {
            admins: true,
            ..Self::new(operation, request)
        }
    }

    /// An action of IAM or STS.
    pub(crate) fn form(operation: &'static str, service: Service, fields: &[(&str, &str)]) -> Self {
        Self {
            service,
            admins: service == Service::Iam,
            ..Self::new(operation, skykey_s3_client::Ask::form(fields))
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

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.request = self.request.body(body);
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
