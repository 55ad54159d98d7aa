//! Why a request's signature is refused, in the words that its sender reads.

use http::StatusCode;
use jiff::Timestamp;

use crate::MAX_PRESIGN_SECONDS;

/// Why a request's signature or query is refused. [`Refusal::code`] is S3's code for it; the text
/// is for the person who sent the request and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The query has a bad escape or is not UTF-8 (`InvalidURI`).
    #[error(
        "the path or the query is not UTF-8 after percent-decoding; write the key in UTF-8, then percent-encode it"
    )]
    InvalidQuery,
    /// A query parameter occurs twice (`InvalidRequest`).
    #[error("the query names {0} twice")]
    RepeatedParameter(String),
    /// The request is signed with Signature 2, by header or in the query (`InvalidRequest`).
    /// boto3 presigns so in us-east-1 unless it is configured otherwise.
    #[error(
        "Signature Version 2 is not accepted; sign with AWS4-HMAC-SHA256, in boto3 by Config(signature_version=\"s3v4\")"
    )]
    SignatureV2,
    /// The request is signed with the asymmetric Signature 4A (`NotImplemented`).
    #[error("signatures with AWS4-ECDSA-P256-SHA256 are not accepted; sign with AWS4-HMAC-SHA256")]
    SignatureV4A,
    /// The `Authorization` header is of another scheme (`InvalidRequest`).
    #[error("the Authorization header is not one of S3; sign the request with AWS4-HMAC-SHA256")]
    UnknownAuthorization,
    /// The request is signed by header and in the query (`InvalidRequest`).
    #[error("the request is signed twice, in a header and in the query")]
    SignedTwice,
    /// A header that decides something occurs more than once (`InvalidRequest`).
    #[error("the request has more than one {0} header")]
    RepeatedHeader(&'static str),
    /// A header that decides something is not ASCII text (`InvalidRequest`).
    #[error("the header {0} is not ASCII text")]
    HeaderNotAscii(&'static str),
    /// The session token occurs twice (`InvalidToken`).
    #[error("the request has more than one session token")]
    RepeatedSessionToken,
    /// The session token is not ASCII text (`InvalidToken`).
    #[error("the session token is not text")]
    SessionTokenNotAscii,
    /// The `Authorization` header lacks a part or has a wrong one (`AuthorizationHeaderMalformed`).
    #[error("the Authorization header is malformed: {0}")]
    MalformedAuthorization(&'static str),
    /// The query of a presigned request lacks a part or has a wrong one
    /// (`AuthorizationQueryParametersError`).
    #[error("the presigned URL is malformed: {0}")]
    MalformedPresigned(&'static str),
    /// `X-Amz-Expires` is missing or out of range (`AuthorizationQueryParametersError`).
    #[error("X-Amz-Expires must be 1 to {MAX_PRESIGN_SECONDS} seconds")]
    PresignedLifetime,
    /// The `host` header is not signed (`SignatureDoesNotMatch`).
    #[error("the host header is not signed")]
    HostNotSigned,
    /// A header that starts with `x-amz-` is not signed (`SignatureDoesNotMatch`).
    #[error("the header {0} is not signed")]
    HeaderNotSigned(String),
    /// A signed header is absent (`SignatureDoesNotMatch`).
    #[error("the header {0} is said to be signed but is not there")]
    SignedHeaderMissing(String),
    /// The scope's day is not the day of the request's time (`SignatureDoesNotMatch`).
    #[error("the day in the credential scope is not the day of x-amz-date")]
    ScopeDay,
    /// The request has neither `x-amz-date` nor `Date` (`InvalidRequest`).
    #[error("the request has no time; send x-amz-date as YYYYMMDDThhmmssZ")]
    TimeMissing,
    /// The request's time cannot be read (`InvalidRequest`).
    #[error("the request's time cannot be read; send x-amz-date as YYYYMMDDThhmmssZ")]
    MalformedTime,
    /// A request for S3 has no `x-amz-content-sha256` (`InvalidRequest`).
    #[error(
        "the header x-amz-content-sha256 is missing; send the SHA-256 of the body or UNSIGNED-PAYLOAD"
    )]
    PayloadMissing,
    /// `x-amz-content-sha256` has an unknown value (`InvalidArgument`).
    #[error(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
         STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER \
         or a SHA-256 in lower-case hexadecimal"
    )]
    UnknownPayload,
    /// A presigned request has an aws-chunked body (`NotImplemented`).
    #[error("a presigned request cannot have an aws-chunked body; send the body as it is")]
    PresignedStreaming,
    /// `x-amz-content-sha256` in header and query disagree (`InvalidRequest`).
    #[error("x-amz-content-sha256 says one thing in the header and another in the query")]
    PayloadContradiction,
    /// An aws-chunked body without a readable `x-amz-decoded-content-length`
    /// (`MissingContentLength`).
    #[error("an aws-chunked body needs x-amz-decoded-content-length, the body's length in bytes")]
    DecodedLengthMissing,
    /// A body with trailers without `x-amz-trailer` (`InvalidRequest`).
    #[error("a body with trailers needs x-amz-trailer, the names of the trailers")]
    TrailerMissing,
    /// The request's time is too far from the server's (`RequestTimeTooSkewed`).
    #[error(
        "the request was signed at {signed}, more than 15 minutes from the server's time {now}; set the clock"
    )]
    RequestTimeTooSkewed {
        /// When the request says it was signed.
        signed: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// The presigned URL has expired (`AccessDenied`).
    #[error("Request has expired: the presigned URL was valid until {0}; make a new one")]
    Expired(Timestamp),
    /// The signature is not that of this request (`SignatureDoesNotMatch`).
    #[error(
        "the signature is not the one that the secret access key gives for this request; check the secret \
         access key and the session token, and that nothing on the way changes the host, the path or the query"
    )]
    SignatureDoesNotMatch,
    /// The body is not the one whose hash was signed (`XAmzContentSHA256Mismatch`).
    #[error("the body is not the one whose SHA-256 was signed; nothing was stored")]
    BodyHash,
}

impl Refusal {
    /// Returns S3's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidQuery => "InvalidURI",
            Self::RepeatedParameter(_)
            | Self::SignatureV2
            | Self::UnknownAuthorization
            | Self::SignedTwice
            | Self::RepeatedHeader(_)
            | Self::HeaderNotAscii(_)
            | Self::TimeMissing
            | Self::MalformedTime
            | Self::PayloadMissing
            | Self::PayloadContradiction
            | Self::TrailerMissing => "InvalidRequest",
            Self::SignatureV4A | Self::PresignedStreaming => "NotImplemented",
            Self::RepeatedSessionToken | Self::SessionTokenNotAscii => "InvalidToken",
            Self::MalformedAuthorization(_) => "AuthorizationHeaderMalformed",
            Self::MalformedPresigned(_) | Self::PresignedLifetime => {
                "AuthorizationQueryParametersError"
            }
            Self::HostNotSigned
            | Self::HeaderNotSigned(_)
            | Self::SignedHeaderMissing(_)
            | Self::ScopeDay
            | Self::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Self::UnknownPayload => "InvalidArgument",
            Self::DecodedLengthMissing => "MissingContentLength",
            Self::RequestTimeTooSkewed { .. } => "RequestTimeTooSkewed",
            Self::Expired(_) => "AccessDenied",
            Self::BodyHash => "XAmzContentSHA256Mismatch",
        }
    }

    /// Returns the HTTP status that S3 answers with.
    pub fn status(&self) -> StatusCode {
        match self.code() {
            "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "AccessDenied" => {
                StatusCode::FORBIDDEN
            }
            "NotImplemented" => StatusCode::NOT_IMPLEMENTED,
            "MissingContentLength" => StatusCode::LENGTH_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Text of a request as far as it is repeated in an error.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
