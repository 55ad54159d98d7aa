//! AWS Signature Version 4: signing requests, verifying them, and reading the bodies that they
//! promise.
//!
//! - **Signing**: [`sign_headers`], and its parts for those who sign something else.
//! - **Verifying**: [`Query::parse`], [`Presented::read`], [`Presented::verify`]. What a request
//!   presents borrows the request, and only the signature's verification makes a [`Verified`].
//! - **Bodies**: [`Verified::body_reader`] checks the hash that was signed, or decodes aws-chunked
//!   ([`chunked`]).
//!
//! It is sans-IO: it opens no connection and reads no clock; time is handed in. It is not a policy:
//! who owns an access key id and what they may do is the caller's to say. What always holds:
//! comparing signatures takes constant time, keys and tokens do not show themselves, memory is
//! bounded by what the caller pushes, and any request, however malformed, gives an answer or an
//! error, never a panic.
//!
//! The standard is the [AWS documentation of Signature Version 4][aws]; paths are treated as
//! Amazon S3 treats them (encoded once, never normalised), which for the path `/` of STS is the
//! same thing.
//!
//! [aws]: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

mod authorization;
mod body;
mod canonical;
pub mod chunked;
mod key;
mod payload;
mod presented;
mod query;
mod refusal;
mod scope;
mod sign;
mod signer;
mod time;
mod verify;

pub use authorization::Authorization;
pub use body::{BodyError, BodyReader};
pub use canonical::{Request, canonical_request, encode_query, uri_encode};
pub use key::{SigningKey, sha256, sha256_hex};
pub use payload::Payload;
pub use presented::{Head, MAX_CLOCK_SKEW, MAX_PRESIGN_SECONDS, Presented, Service};
pub use query::Query;
pub use refusal::Refusal;
pub use scope::Scope;
pub use sign::sign_headers;
pub use signer::{Signer, SortedRequest};
pub use time::{amz_date, parse_amz_date};
pub use verify::Verified;

/// The algorithm's name, first word of the `Authorization` header and of the string to sign.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// In place of a payload's hash: the payload is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The SHA-256 of nothing, in hexadecimal.
pub const EMPTY_PAYLOAD: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Text that is not what the standard says it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not `YYYYMMDD/region/service/aws4_request`.
    #[error("'{0}' is not a credential scope: expected YYYYMMDD/region/service/aws4_request")]
    Scope(String),
    /// An `Authorization` header (or presigned query) that lacks a part or has a wrong one.
    #[error("not a Signature Version 4 authorization: {0}")]
    Authorization(&'static str),
}

/// What is signed: the time, the scope and the hash of the canonical request.
/// `time` is the request's own `YYYYMMDDThhmmssZ`, see [`amz_date`].
pub fn string_to_sign(time: &str, scope: &Scope, canonical_request: &str) -> String {
    format!(
        "{ALGORITHM}\n{time}\n{scope}\n{}",
        sha256_hex(canonical_request.as_bytes())
    )
}
