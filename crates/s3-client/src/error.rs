//! What goes wrong with a request.

use skykey_types::ErrorKind;
use skykey_upstream::{Answer, Fault, kind_of_status};

use crate::{ErrorBody, NoCredentials};

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    /// There are no credentials to sign with.
    #[error(transparent)]
    NoCredentials(#[from] NoCredentials),
    /// The endpoint did not answer, so nothing is known.
    #[error(transparent)]
    NoAnswer(#[from] Fault),
    /// The endpoint answered with an error.
    #[error("cannot {action}: {system} answered {status} {}: {}", shown(.code), explained(*.status, .code, .message))]
    Refused {
        /// What was asked, in words that go after "cannot".
        action: &'static str,
        /// Who answered.
        system: &'static str,
        /// The HTTP status.
        status: u16,
        /// The error code; empty if there is none.
        code: String,
        /// What the endpoint said; Ceph's gateway mostly says nothing.
        message: String,
    },
    /// The endpoint answered with success, and the answer is not the operation's.
    #[error("cannot {action}: the answer is not what it should be: {why}")]
    Unexpected {
        /// What was asked.
        action: &'static str,
        /// In what way.
        why: String,
    },
    /// The request cannot be written.
    #[error("cannot {action}: the request cannot be written: {why}")]
    Invalid {
        /// What was to be asked.
        action: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl S3Error {
    /// In place of a code that was not given.
    pub const NO_CODE: &'static str = "without a code";

    /// The error for an answer that is not a success.
    pub fn refused(system: &'static str, action: &'static str, answer: &Answer) -> Self {
        let ErrorBody { code, message } = ErrorBody::parse(&answer.text());
        Self::Refused {
            action,
            system,
            status: answer.status,
            code,
            message,
        }
    }

    /// Returns who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoAnswer(_) => ErrorKind::Unavailable,
            Self::NoCredentials(_) => ErrorKind::Refused,
            Self::Unexpected { .. } => ErrorKind::Internal,
            Self::Invalid { .. } => ErrorKind::Input,
            Self::Refused { status, code, .. } => Self::kind_of_refusal(*status, code),
        }
    }

    /// Returns the kind of an error that an endpoint answered with this status and code.
    pub fn kind_of_refusal(status: u16, code: &str) -> ErrorKind {
        match (status, code) {
            (_, "SlowDown" | "RequestTimeout") => ErrorKind::Unavailable,
            (501, _) => ErrorKind::Refused,
            (400 | 405 | 411..=417, code) if !ABOUT_CREDENTIALS.contains(&code) => ErrorKind::Input,
            _ => kind_of_status(status),
        }
    }

    /// The error code, if the endpoint gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } if !code.is_empty() => Some(code),
            _ => None,
        }
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Error codes that reject the credentials themselves, whatever the operation.
pub const ABOUT_CREDENTIALS: [&str; 11] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "ExpiredToken",
    "InvalidToken",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "UserSuspended",
    "AuthorizationHeaderMalformed",
    "XAmzContentSHA256Mismatch",
];

fn shown(code: &str) -> &str {
    if code.is_empty() {
        S3Error::NO_CODE
    } else {
        code
    }
}

/// The endpoint's own words, or what the code means where it has none.
fn explained<'a>(status: u16, code: &str, message: &'a str) -> &'a str {
    if !message.is_empty() {
        return message;
    }
    match (status, code) {
        (_, "AccessDenied") => {
            "the credentials give no right to it, or their session token has ended"
        }
        (_, "InvalidAccessKeyId") => "the access key is not known there",
        (_, "SignatureDoesNotMatch") => {
            "the secret is wrong, or the request was changed on its way"
        }
        (_, "RequestTimeTooSkewed") => "the clocks differ by more than 15 minutes",
        (_, "ExpiredToken" | "RequestExpired") => "the credentials have ended",
        (_, "InvalidToken" | "InvalidClientTokenId") => "the session token is not known there",
        (_, "UserSuspended") => "the project is suspended",
        (_, "NoSuchBucket") => "the bucket does not exist",
        (_, "NoSuchKey") => "the object does not exist",
        (_, "NoSuchUpload") => {
            "the multipart upload does not exist, or it was completed or aborted"
        }
        (_, "QuotaExceeded") => "the quota is used up",
        (_, "BadDigest" | "InvalidDigest") => "the body's checksum does not match what arrived",
        (412, _) | (_, "PreconditionFailed") => "a condition of the request does not hold",
        (429, _) | (_, "SlowDown") => "too many requests; send fewer, or try again later",
        (501, _) | (_, "NotImplemented") => "this version does not have the operation",
        (500, "UnknownError") => "a system behind it does not answer, usually Keystone",
        (500.., _) => "it is in trouble; try again later",
        (404, _) => "it does not exist there",
        (400..=499, _) => "no reason is given; its log has one under the request's id",
        _ => "an S3 endpoint does not answer so; is the address right?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, message: &str) -> S3Error {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        S3Error::refused("Echo", "put an object", &Answer::of(status, body))
    }

    #[test]
    fn an_empty_message_becomes_words_and_another_stays() {
        assert_eq!(
            refused(403, "AccessDenied", "").to_string(),
            "cannot put an object: Echo answered 403 AccessDenied: the credentials give no right to it, or their \
             session token has ended"
        );
        assert_eq!(
            refused(409, "", "not now").to_string(),
            "cannot put an object: Echo answered 409 without a code: not now"
        );
    }

    #[test]
    fn an_error_says_who_can_do_something_about_it() {
        for (status, code, kind) in [
            (400, "InvalidArgument", ErrorKind::Input),
            (412, "PreconditionFailed", ErrorKind::Input),
            (400, "ExpiredToken", ErrorKind::Refused),
            (403, "AccessDenied", ErrorKind::Refused),
            (404, "NoSuchKey", ErrorKind::Refused),
            (409, "BucketAlreadyExists", ErrorKind::Refused),
            (501, "NotImplemented", ErrorKind::Refused),
            (400, "RequestTimeout", ErrorKind::Unavailable),
            (429, "", ErrorKind::Unavailable),
            (503, "SlowDown", ErrorKind::Unavailable),
            (500, "", ErrorKind::Unavailable),
            (302, "", ErrorKind::Internal),
        ] {
            assert_eq!(refused(status, code, "").kind(), kind, "{status} {code}");
        }
        let odd = S3Error::Unexpected {
            action: "list objects",
            why: "no listing".to_owned(),
        };
        assert_eq!((odd.kind(), odd.code()), (ErrorKind::Internal, None));
    }
}
