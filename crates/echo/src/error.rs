//! What goes wrong at Echo, in sentences: RGW's own messages are empty.

use skykey_s3_client::S3Error;
use skykey_types::{BucketName, ErrorKind};
use skykey_upstream::{Answer, Fault};

use crate::ProjectId;
use crate::policy::PolicyError;

/// Why Echo did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EchoError {
    /// It did not answer, so nothing is known.
    #[error(transparent)]
    NoAnswer(Fault),
    /// It answered with an error.
    #[error("cannot {operation}: Echo answered {status} {code}{}: {remedy}", said(.message))]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// Its error code, [`NO_CODE`](EchoError::NO_CODE) if it gave none.
        code: String,
        /// Its message; RGW's are mostly empty.
        message: String,
        /// What that means and what to do.
        remedy: &'static str,
    },
    /// It answered with success and something else than it should.
    #[error("cannot {operation}: Echo's answer is not what it should be: {why}")]
    Unexpected {
        /// What was asked.
        operation: &'static str,
        /// In what way.
        why: String,
    },
    /// Credentials are not of the project that they are given for.
    #[error(
        "the credentials given for project {expected} are of '{found}' at Echo; give an EC2 credential that was \
         made for {expected} (an id with '$' comes from rgw_keystone_implicit_tenants, which must be off)"
    )]
    OtherProject {
        /// The project.
        expected: ProjectId,
        /// Whose they are.
        found: String,
    },
    /// A policy cannot be written or understood.
    #[error("the policy of bucket {bucket}: {why}")]
    Policy {
        /// Of which bucket.
        bucket: BucketName,
        /// What is wrong.
        why: PolicyError,
    },
    /// Somebody else changed it between planning and applying.
    #[error(
        "{what} was changed by somebody else since the plan was made; make the plan again and look at it"
    )]
    ChangedMeanwhile {
        /// What.
        what: String,
    },
    /// It was accepted, but reading it back shows something else.
    #[error(
        "{what} was accepted but reads differently afterwards; see whether somebody else writes it, too, and \
         apply again"
    )]
    NotKept {
        /// What.
        what: String,
    },
}

fn said(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(" ({message})")
    }
}

impl EchoError {
    /// In place of a code that was not given.
    pub const NO_CODE: &'static str = S3Error::NO_CODE;

    pub(crate) fn refused(action: &'static str, answer: &Answer) -> Self {
        S3Error::refused("Echo", action, answer).into()
    }

    /// The same for what was asked with the keys of a user of the gateway's own.
    pub(crate) fn of_admin(mut self) -> Self {
        if let Self::Refused { code, remedy, .. } = &mut self
            && matches!(
                code.as_str(),
                "InvalidAccessKeyId" | "SignatureDoesNotMatch"
            )
        {
            *remedy = "access_key_id or secret_access_key of [echo.admin] is wrong; compare them with \
                       `radosgw-admin user info`";
        }
        self
    }

    /// Returns who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoAnswer(_) => ErrorKind::Unavailable,
            Self::Refused { status, code, .. } => S3Error::kind_of_refusal(*status, code),
            Self::OtherProject { .. } | Self::Policy { .. } => ErrorKind::Input,
            Self::ChangedMeanwhile { .. } => ErrorKind::Refused,
            Self::Unexpected { .. } | Self::NotKept { .. } => ErrorKind::Internal,
        }
    }

    /// The code, if Echo gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } if code != Self::NO_CODE => Some(code),
            _ => None,
        }
    }
}

impl From<S3Error> for EchoError {
    fn from(error: S3Error) -> Self {
        match error {
            S3Error::NoAnswer(fault) => Self::NoAnswer(fault),
            S3Error::Refused {
                action,
                status,
                code,
                message,
                ..
            } => Self::Refused {
                operation: action,
                status,
                remedy: remedy(status, &code),
                code: if code.is_empty() {
                    Self::NO_CODE.to_owned()
                } else {
                    code
                },
                message,
            },
            S3Error::Unexpected { action, why } => Self::Unexpected {
                operation: action,
                why,
            },
            S3Error::Invalid { action, why } => Self::Unexpected {
                operation: action,
                why: format!("the request cannot be written: {why}"),
            },
            S3Error::NoCredentials(none) => Self::Unexpected {
                operation: "sign a request",
                why: none.message,
            },
        }
    }
}

/// What an error means at Echo and what to do (codes and causes tried on RGW 16.2.15).
pub(crate) fn remedy(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (_, "AccessDenied") => {
            "the credentials are believed but give no right to it, or a session token has ended (RGW says no more); \
             check the bucket's policy, the user policy and the project of the credentials"
        }
        (_, "InvalidAccessKeyId") => {
            "Echo knows no such access key; was the EC2 credential deleted, or the session token left out? \
             make a new credential"
        }
        (_, "SignatureDoesNotMatch") => {
            "the secret is wrong, or the credential's owner has no role in its project that Echo accepts; \
             compare the secret, then the owner's roles in Keystone"
        }
        (_, "RequestTimeTooSkewed") => {
            "this machine's clock and Echo's differ by more than 15 minutes; set the clock"
        }
        (_, "ExpiredToken" | "RequestExpired") => "the credentials have ended; get new ones",
        (_, "InvalidToken" | "InvalidClientTokenId") => {
            "the session token is not one of Echo's; get new credentials"
        }
        (_, "UserSuspended") => {
            "the project is suspended at Echo; if `skykey revoke --project NAME` did it, run `skykey revoke --project NAME \
             --lift`, which puts its policies back; otherwise ask Echo's operator why: `radosgw-admin user enable` ends \
             it too, but the policies are gone until `skykey survey apply`"
        }
        (_, "NoSuchBucket") => {
            "the bucket does not exist; check its name, or let a curator make it"
        }
        (_, "NoSuchUser" | "NoSuchEntity") => {
            "Echo has no such user or policy; a project's user exists once somebody of the project made a request"
        }
        (_, "QuotaExceeded") => "the project's quota is used up; ask Echo's operator for more",
        (_, "TooManyBuckets") => "the project has as many buckets as it may; ask Echo's operator",
        (_, "InvalidBucketName") => "Echo does not accept that bucket name",
        (_, "MalformedPolicy" | "MalformedPolicyDocument") => {
            "Echo does not understand the policy; see whether its version knows every element of it"
        }
        (_, "InvalidArgument") => {
            "Echo does not accept a value; with credentials that have a session token, the token may be damaged"
        }
        (429, _) | (_, "SlowDown") => "Echo limits the rate of requests; try again later",
        (501, _) | (_, "NotImplemented") => "this version of Echo does not have it",
        (500, "UnknownError") => {
            "something behind Echo does not answer, usually Keystone; see whether Keystone is up, then try again"
        }
        (500.., _) => "Echo is in trouble; try again later, and tell its operator if it stays",
        (400..=499, _) => "Echo gives no reason; its log has one under the request's id",
        _ => "Echo should not answer so; is this the address of its S3 endpoint?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skykey_upstream::Answer;

    #[test]
    fn an_empty_message_becomes_a_sentence_with_the_next_step() {
        let refused = EchoError::refused(
            "put a bucket policy",
            &Answer::of(
                403,
                "<Error><Code>AccessDenied</Code><Message></Message></Error>",
            ),
        );
        assert_eq!(
            refused.to_string(),
            "cannot put a bucket policy: Echo answered 403 AccessDenied: the credentials are believed but give no right \
             to it, or a session token has ended (RGW says no more); check the bucket's policy, the user policy and the \
             project of the credentials"
        );
        assert_eq!(refused.code(), Some("AccessDenied"));
        let bare = EchoError::refused("list buckets", &Answer::of(302, ""));
        assert_eq!(bare.code(), None);
        assert!(bare.to_string().contains("302 without a code: "), "{bare}");
    }

    #[test]
    fn a_suspended_project_is_lifted_by_skykey_first() {
        let words = remedy(403, "UserSuspended");
        let [ours, theirs] = [
            "skykey revoke --project NAME --lift",
            "radosgw-admin user enable",
        ]
        .map(|command| words.find(command).unwrap());
        assert!(ours < theirs, "{words}");
    }

    #[test]
    fn every_code_has_words_of_the_house() {
        for code in skykey_s3_client::ABOUT_CREDENTIALS.iter().chain(&[
            "AccessDenied",
            "NoSuchBucket",
            "NoSuchUser",
            "NoSuchEntity",
            "QuotaExceeded",
            "TooManyBuckets",
            "InvalidBucketName",
            "MalformedPolicy",
            "MalformedPolicyDocument",
            "InvalidArgument",
            "NotImplemented",
            "",
        ]) {
            for status in [302, 400, 403, 404, 429, 500, 501, 503] {
                let words = remedy(status, code);
                assert!(!words.ends_with('.') && words.len() > 20, "{code}: {words}");
            }
        }
        assert!(remedy(500, "UnknownError").contains("Keystone"));
        assert!(remedy(403, "RequestTimeTooSkewed").contains("clock"));
    }
}
