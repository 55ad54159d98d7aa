//! Errors of the endpoint: one type from the place where they arise to the wire, written as XML once,
//! in the dialect of S3 or in that of STS.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

macro_rules! codes {
    ($($name:ident = $status:literal, $meaning:literal;)*) => {
        /// The error codes that the endpoint answers with
        /// ([S3](https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html),
        /// [STS](https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html)).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// Every code, in the order of the alphabet.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it stands in the answer.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> StatusCode {
                let status = match self {
                    $(Self::$name => $status,)*
                };
                StatusCode::from_u16(status).expect("the table holds statuses from 200 to 599")
            }

            /// Returns the code of that name, or [`Code::InternalError`] for a name outside the
            /// table, which would be a bug.
            pub(crate) fn of_name(name: &str) -> Self {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|code| code.as_str() == name)
                    .unwrap_or(Self::InternalError)
            }

            /// What the code means, for the reference.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

codes! {
    AccessDenied = 403, "The credentials do not give the right that the request needs.";
    AccessControlListNotSupported = 400, "The request sets an ACL; objects here have none.";
    AuthorizationHeaderMalformed = 400, "The Authorization header cannot be read.";
    AuthorizationQueryParametersError = 400, "A presigned URL has parameters that are missing or out of range.";
    BadDigest = 400, "A checksum does not match the body.";
    EntityTooLarge = 400, "The body is larger than a request may be.";
    EntityTooSmall = 400, "A part other than the last is smaller than 5 MiB.";
    ExpiredToken = 400, "The session token has expired.";
    ExpiredTokenException = 400, "The web identity token has expired.";
    IDPCommunicationError = 400, "The IAM does not answer, so a web identity token cannot be checked.";
    IncompleteBody = 400, "The body ended before its announced length.";
    InsufficientStorage = 507, "The store's disk is full.";
    InternalError = 500, "Something failed inside; the log has the details.";
    InvalidAccessKeyId = 403, "The access key id is not known.";
    InvalidAction = 400, "The STS action is not served.";
    InvalidArgument = 400, "A parameter or header has a value that it cannot have.";
    InvalidBucketName = 400, "The bucket's name breaks the rules for names.";
    InvalidDigest = 400, "A declared digest is not the base64 of a digest.";
    InvalidIdentityToken = 400, "The web identity token is not valid here.";
    InvalidPart = 400, "A part was not uploaded, or with another ETag.";
    InvalidPartOrder = 400, "The parts of a completion do not ascend.";
    InvalidRange = 416, "The range lies outside the object.";
    InvalidRequest = 400, "The request contradicts itself or cannot be read.";
    InvalidStorageClass = 400, "The storage class is not served.";
    InvalidToken = 400, "The session token is not valid here.";
    InvalidURI = 400, "The path or the query is not percent-encoded UTF-8.";
    KeyTooLongError = 400, "The key is longer than 1,024 bytes.";
    MalformedPolicyDocument = 400, "The session policy is not of the kind that is served.";
    MalformedTrailerError = 400, "The trailers of a body cannot be read.";
    MalformedXML = 400, "The body is not the XML that the operation takes.";
    MaxMessageLengthExceeded = 400, "The XML body is longer than 2 MiB.";
    MetadataTooLarge = 400, "The object's headers take more than the store keeps.";
    MethodNotAllowed = 405, "The method does not go with this address.";
    MissingContentLength = 411, "The upload has no Content-Length.";
    MissingRequestBodyError = 400, "The operation needs a body.";
    NoSuchBucket = 404, "The bucket does not exist.";
    NoSuchKey = 404, "The object does not exist.";
    NoSuchUpload = 404, "The multipart upload does not exist.";
    NoSuchVersion = 404, "The version does not exist; objects have one version here.";
    NotModified = 304, "The object has not changed since the client's copy.";
    NotImplemented = 501, "The operation, or a parameter of it, is not served.";
    PackedPolicyTooLarge = 400, "The session policy is too long.";
    PreconditionFailed = 412, "A condition of the request does not hold.";
    RequestTimeout = 400, "The client sent its body too slowly.";
    RequestTimeTooSkewed = 403, "The time of the request is too far from the server's.";
    ServiceUnavailable = 503, "The service cannot answer at present.";
    SignatureDoesNotMatch = 403, "The signature is not the one that the secret gives.";
    Throttling = 429, "Too many wrong tokens came from this address.";
    XAmzContentSHA256Mismatch = 400, "The body is not the one whose SHA-256 was signed.";
}

/// An error on its way to the client.
///
/// The message is for the person at the other end: what happened, why, what to do.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The error code.
    pub code: Code,
    /// Words for people.
    pub message: Cow<'static, str>,
    /// Headers of the answer, beside those of every error.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// An answer or a [`Fault`].
pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    /// An error with words for people.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A denial.
    pub(crate) fn denied(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::AccessDenied, why)
    }

    /// A value that an argument cannot have.
    pub(crate) fn argument(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidArgument, why)
    }

    /// Something that S3 has and this endpoint has not.
    pub(crate) fn not_implemented(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotImplemented, why)
    }
}

impl From<skykey_sigv4::Refusal> for Fault {
    fn from(refusal: skykey_sigv4::Refusal) -> Self {
        Self::new(Code::of_name(refusal.code()), refusal.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Fault {}

/// Whose words an error is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `<Error>` with the resource.
    S3,
    /// `<ErrorResponse>`, with codes of STS.
    Sts,
}

impl Dialect {
    /// The body of an error.
    pub(crate) fn body(self, fault: &Fault, resource: &str, request_id: &str) -> String {
        match self {
            Self::S3 => {
                let mut xml = crate::xml::Writer::document();
                xml.open("Error");
                xml.text("Code", fault.code.as_str());
                xml.text("Message", &fault.message);
                xml.text("Resource", resource);
                xml.text("RequestId", request_id);
                xml.close("Error");
                xml.finish()
            }
            Self::Sts => skykey_sts::error_xml(sts_code(fault.code), &fault.message, request_id),
        }
    }

    pub(crate) fn content_type(self) -> HeaderValue {
        match self {
            Self::S3 => HeaderValue::from_static("application/xml"),
            Self::Sts => HeaderValue::from_static("text/xml"),
        }
    }
}

/// The codes for which STS has another word.
fn sts_code(code: Code) -> &'static str {
    match code {
        Code::InvalidAccessKeyId | Code::InvalidToken => "InvalidClientTokenId",
        Code::InvalidArgument => "ValidationError",
        Code::RequestTimeTooSkewed => "RequestExpired",
        Code::InternalError => "InternalFailure",
        same => same.as_str(),
    }
}

/// The headers of an error's answer that its code or [`Fault::headers`] ask for.
pub(crate) fn headers_of(fault: &Fault, headers: &mut HeaderMap) {
    for (name, value) in &fault.headers {
        headers.insert(name.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_names_the_request_and_escapes_what_came_from_outside() {
        let fault = Fault::new(Code::InvalidToken, "a < b");
        let s3 = Dialect::S3.body(&fault, "/b/<k>\u{1b}", "ID");
        assert!(
            s3.contains("<Code>InvalidToken</Code><Message>a &lt; b</Message>"),
            "{s3}"
        );
        assert!(
            s3.contains("<Resource>/b/&lt;k&gt;&#x1b;</Resource><RequestId>ID</RequestId>"),
            "{s3}"
        );
        let sts = Dialect::Sts.body(&fault, "/", "ID");
        assert!(
            sts.contains("InvalidClientTokenId") && sts.contains("ID"),
            "{sts}"
        );
    }

    #[test]
    fn every_code_has_a_status_and_a_meaning() {
        for code in Code::ALL {
            assert!(code.status().as_u16() >= 300, "{code:?}");
            assert!(code.meaning().ends_with('.'), "{code:?}");
        }
    }
}
