//! What goes wrong with objects, in sentences.

use std::io;
use std::path::{Path, PathBuf};

use skykey_s3_client::{NoCredentials, ObjectAddress, S3Error};
use skykey_types::ErrorKind;
use skykey_upstream::{Answer, Fault};

/// Why it did not work; the message is for the person, [`ObjectError::hint`] is what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// There are no credentials, or none any more.
    #[error(transparent)]
    NoCredentials(#[from] NoCredentials),
    /// The object store does not answer.
    #[error(transparent)]
    NoAnswer(#[from] Fault),
    /// There is no such object.
    #[error("there is no object {0}")]
    NoSuchObject(ObjectAddress),
    /// There is no such bucket.
    #[error("there is no bucket called '{}' in the object store", .0.bucket)]
    NoSuchBucket(ObjectAddress),
    /// The store lets these credentials not do it.
    #[error("cannot {operation} {at}: the object store refuses it{}", said(.message))]
    Refused {
        /// What was asked, in words that go after "cannot".
        operation: &'static str,
        /// Of what.
        at: ObjectAddress,
        /// What the store said, if it said anything.
        message: String,
    },
    /// The store answered with an error that has no words of its own here.
    #[error("cannot {operation} {at}: the object store answered {status} {code}{}", said(.message))]
    Failed {
        /// What was asked, in words that go after "cannot".
        operation: &'static str,
        /// Of what.
        at: ObjectAddress,
        /// The HTTP status.
        status: u16,
        /// The store's error code; `without a code` if there is none.
        code: String,
        /// What the store said, if it said anything.
        message: String,
    },
    /// The answer is not what S3 answers.
    #[error("cannot {operation} {at}: the answer is not what an object store says ({why})")]
    Unexpected {
        /// What was asked.
        operation: &'static str,
        /// Of what.
        at: ObjectAddress,
        /// In what way.
        why: String,
    },
    /// Somebody put another object there while it was read.
    #[error("{0} was replaced in the store while it was read")]
    Replaced(ObjectAddress),
    /// What arrived is not what was stored.
    #[error("what arrived of {at} is damaged: {why}")]
    Damaged {
        /// Of what.
        at: ObjectAddress,
        /// How one knows.
        why: String,
    },
    /// There is an object already.
    #[error("{0} is there already")]
    ObjectExists(ObjectAddress),
    /// There is a file already, and it is another one.
    #[error("{path} is there already, and is not the same", path = .0.display())]
    FileExists(PathBuf),
    /// Something is there that no file replaces.
    #[error("{path} is {what}", path = .path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// `a folder`, or `no file but a device or a pipe`.
        what: &'static str,
    },
    /// `.` or `..` is a part of the key.
    #[error(
        "{0} cannot be asked for: '.' or '..' is a part of its key, which gets lost on the way"
    )]
    Dots(ObjectAddress),
    /// A key that is no name of a file here.
    #[error("{at} cannot be a file here: {why}")]
    NoFileName {
        /// The object.
        at: ObjectAddress,
        /// Why.
        why: &'static str,
    },
    /// Another process copies to the same file.
    #[error("another skykey is copying to {path}", path = .0.display())]
    Busy(PathBuf),
    /// The file system of this machine refuses.
    #[error("cannot {what} {path}: {why}", path = .path.display())]
    Local {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the operating system said.
        why: String,
    },
}

impl ObjectError {
    /// What the person can do now; empty where the message says it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoCredentials(none) => none.hint.clone(),
            Self::NoAnswer(_) => "check the network, and try again".to_owned(),
            Self::NoSuchObject(at) => format!("'skykey ls {}' shows what is there", at.folder()),
            Self::NoSuchBucket(_) => "'skykey ls' shows where each survey is".to_owned(),
            Self::Refused { message, .. } if message.is_empty() => {
                "'skykey whoami' shows your rights, 'skykey doctor --me' finds the fault".to_owned()
            }
            Self::Failed { status, code, .. } => failed(*status, code).to_owned(),
            Self::Unexpected { .. } => "'skykey doctor --me' looks closer".to_owned(),
            Self::Replaced(_) | Self::Damaged { .. } => "try it again".to_owned(),
            Self::ObjectExists(_) | Self::FileExists(_) => "--force replaces it".to_owned(),
            Self::NotAFile { .. } => {
                "name a file; 'skykey cat' writes to standard output".to_owned()
            }
            Self::Dots(_) => "another tool may be able to, by 'skykey exec'".to_owned(),
            Self::Busy(_) => "wait for it, or end it".to_owned(),
            Self::Refused { .. } | Self::NoFileName { .. } | Self::Local { .. } => String::new(),
        }
    }

    /// Whether everything else would fail in the same way: no credentials, no answer, no right.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::NoCredentials(_)
                | Self::NoAnswer(_)
                | Self::NoSuchBucket(_)
                | Self::Refused { .. }
        )
    }

    /// Whether the same request may succeed later.
    pub(crate) fn is_outage(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }

    /// Returns who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoAnswer(_) => ErrorKind::Unavailable,
            Self::Failed { status, code, .. } => S3Error::kind_of_refusal(*status, code),
            Self::NoCredentials(_)
            | Self::NoSuchObject(_)
            | Self::NoSuchBucket(_)
            | Self::Refused { .. }
            | Self::Replaced(_)
            | Self::ObjectExists(_)
            | Self::FileExists(_)
            | Self::Busy(_) => ErrorKind::Refused,
            Self::NotAFile { .. } | Self::Dots(_) | Self::NoFileName { .. } => ErrorKind::Input,
            Self::Unexpected { .. } | Self::Damaged { .. } | Self::Local { .. } => {
                ErrorKind::Internal
            }
        }
    }

    pub(crate) fn local(what: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Local {
            what,
            path: path.to_owned(),
            why: error.to_string(),
        }
    }

    /// An answer that is not a success.
    pub(crate) fn refused(operation: &'static str, at: &ObjectAddress, answer: &Answer) -> Self {
        Self::of(at, S3Error::refused("the object store", operation, answer))
    }

    /// What went wrong with a request about `at`.
    pub(crate) fn of(at: &ObjectAddress, error: S3Error) -> Self {
        let at = at.clone();
        match error {
            S3Error::NoCredentials(none) => Self::NoCredentials(none),
            S3Error::NoAnswer(fault) => Self::NoAnswer(fault),
            S3Error::Unexpected { action, why } => Self::Unexpected {
                operation: action,
                at,
                why,
            },
            S3Error::Invalid { action, .. } => Self::Unexpected {
                operation: action,
                at,
                why: "the request cannot be written".to_owned(),
            },
            S3Error::Refused {
                action,
                status,
                code,
                message,
                ..
            } => match (status, code.as_str()) {
                (_, "NoSuchBucket") => Self::NoSuchBucket(at),
                // A HEAD is answered without a code.
                (404, "NoSuchKey" | "") => Self::NoSuchObject(at),
                (401, _) | (403, "" | "AccessDenied") => Self::Refused {
                    operation: action,
                    at,
                    message,
                },
                (status, _) => Self::Failed {
                    operation: action,
                    at,
                    status,
                    code: if code.is_empty() {
                        S3Error::NO_CODE.to_owned()
                    } else {
                        code
                    },
                    message,
                },
            },
        }
    }
}

fn failed(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (_, "RequestTimeTooSkewed") => "set this machine's clock (timedatectl set-ntp true)",
        (_, "SignatureDoesNotMatch") => {
            "see that no proxy on the way changes requests; 'skykey doctor --me' looks closer"
        }
        (_, "InvalidAccessKeyId" | "InvalidToken" | "ExpiredToken") => {
            "'skykey leases' shows whether your lease is live, 'skykey doctor --me' looks closer"
        }
        (_, "QuotaExceeded") => "the project's space is used up; ask the people who run the store",
        (_, "EntityTooLarge") => "no object may be so large",
        (429, _) | (_, "SlowDown") => "the store limits the rate of requests; try again later",
        (500.., _) => "the store is in trouble; try again later",
        _ => "'skykey doctor --me' looks closer",
    }
}

fn said(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skykey_upstream::Answer;

    fn said_of(status: u16, code: &str, message: &str) -> (String, String) {
        let body = if code.is_empty() {
            String::new()
        } else {
            format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
        };
        let at = "s3://m13/a/b.fits".parse().unwrap();
        let error = ObjectError::refused("read", &at, &Answer::of(status, body));
        (error.to_string(), error.hint())
    }

    #[test]
    fn the_errors_of_s3_are_sentences_with_the_next_step() {
        for (status, code, message, sentence, hint) in [
            (
                404,
                "NoSuchKey",
                "",
                "there is no object s3://m13/a/b.fits",
                "'skykey ls s3://m13/a/'",
            ),
            (
                404,
                "",
                "",
                "there is no object s3://m13/a/b.fits",
                "'skykey ls s3://m13/a/'",
            ),
            (
                404,
                "NoSuchBucket",
                "",
                "there is no bucket called 'm13'",
                "'skykey ls'",
            ),
            (
                403,
                "AccessDenied",
                "",
                "cannot read s3://m13/a/b.fits: the object store refuses it",
                "'skykey whoami'",
            ),
            (403, "", "", "refuses it", "'skykey doctor --me'"),
            (
                403,
                "AccessDenied",
                "removed from m13/readers; ask olive",
                "refuses it: removed from m13/readers; ask olive",
                "",
            ),
            (
                403,
                "RequestTimeTooSkewed",
                "",
                "answered 403 RequestTimeTooSkewed",
                "clock",
            ),
            (
                503,
                "SlowDown",
                "",
                "answered 503 SlowDown",
                "rate of requests",
            ),
            (500, "", "", "answered 500 without a code", "in trouble"),
        ] {
            let (found, next) = said_of(status, code, message);
            assert!(found.contains(sentence), "{found}");
            assert!(
                next.contains(hint) && next.is_empty() == hint.is_empty(),
                "{next}"
            );
        }
    }
}
