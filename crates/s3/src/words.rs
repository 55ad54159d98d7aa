//! What the broker and the store say, in S3's words, mapped once.

use skykey_broker::Denied;
use skykey_store::StoreError;
use skykey_sts::TokenError;

use crate::fault::{Code, Fault};

impl From<&Denied> for Fault {
    /// The message is for the person at the other end; what is wrong inside is for the log.
    fn from(why: &Denied) -> Self {
        let code = match why {
            Denied::NoSuchKey => Code::InvalidAccessKeyId,
            Denied::BadToken(TokenError::Invalid | TokenError::UnknownKey) => Code::InvalidToken,
            Denied::Expired(_) => Code::ExpiredToken,
            Denied::NoSurveyOfProject(_)
            | Denied::Revoked { .. }
            | Denied::NotAMember { .. }
            | Denied::NoAccount(_)
            | Denied::NeedsEc2
            | Denied::NotAMachine(_)
            | Denied::MachinesRead
            | Denied::NeedsLogin
            | Denied::LoginEnded
            | Denied::NoSuchMethod { .. }
            | Denied::NoRole { .. }
            | Denied::NotTheRole { .. }
            | Denied::NoSuchRole(_)
            | Denied::NotReadOnly { .. }
            | Denied::NotReadable { .. } => Code::AccessDenied,
            Denied::NoSuchSurvey(_)
            | Denied::NotAMethod(_)
            | Denied::NotAnAccess(_)
            | Denied::NotAKey(_)
            | Denied::NotNarrowed(_)
            | Denied::Lifetime(_) => Code::InvalidArgument,
            Denied::NoSuchLease(_) => Code::InvalidRequest,
            Denied::Away { .. } => Code::ServiceUnavailable,
            Denied::Upstream { .. } | Denied::Database(_) => {
                return Self::new(
                    Code::InternalError,
                    "something failed inside; it has been logged",
                );
            }
        };
        Self::new(code, format!("{why}; {}", why.hint()))
    }
}

impl From<StoreError> for Fault {
    /// Paths of this machine are for the log.
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NoSuchBucket { .. } => Code::NoSuchBucket,
            StoreError::NoSuchKey { .. } => Code::NoSuchKey,
            StoreError::NoSuchUpload { .. } => Code::NoSuchUpload,
            StoreError::KeyTooLong { .. } => Code::KeyTooLongError,
            StoreError::InvalidKey { .. } | StoreError::InvalidPartNumber { .. } => {
                Code::InvalidArgument
            }
            StoreError::PreconditionFailed { .. } => Code::PreconditionFailed,
            StoreError::InvalidPart { .. } => Code::InvalidPart,
            StoreError::InvalidPartOrder { .. } => Code::InvalidPartOrder,
            StoreError::PartTooSmall { .. } => Code::EntityTooSmall,
            StoreError::AttributesTooLarge { .. } => Code::MetadataTooLarge,
            StoreError::Full { .. } => {
                tracing::error!(%error, "the store's disk is full");
                return Self::new(
                    Code::InsufficientStorage,
                    "the store's disk is full, so nothing was stored; reads still work; tell the operator",
                );
            }
            StoreError::Poisoned { .. } => {
                tracing::error!(%error, "the store takes no writes");
                return Self::new(
                    Code::ServiceUnavailable,
                    "the store takes no writes at present",
                );
            }
            StoreError::InUse { .. }
            | StoreError::UnknownFormat { .. }
            | StoreError::NameNotUtf8 { .. }
            | StoreError::Damaged { .. }
            | StoreError::Io { .. } => {
                tracing::error!(%error, "the store failed");
                return Self::new(Code::InternalError, "the store failed; it has been logged");
            }
        };
        Self::new(code, error.to_string())
    }
}

pub(crate) fn no_such_key() -> Fault {
    Fault::new(Code::NoSuchKey, "there is no object of that key")
}
