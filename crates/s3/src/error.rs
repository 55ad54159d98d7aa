//! Our errors in S3's words, mapped once.

use s3s::{S3Error, S3ErrorCode};
use skykey_broker::Denied;
use skykey_store::StoreError;
use skykey_sts::TokenError;

/// A denial as S3 says it. The message is for the person at the other end.
pub(crate) fn denied(why: &Denied) -> S3Error {
    let code = match why {
        Denied::NoSuchKey => S3ErrorCode::InvalidAccessKeyId,
        Denied::BadToken(TokenError::Invalid | TokenError::UnknownKey) => S3ErrorCode::InvalidToken,
        Denied::Expired(_) => S3ErrorCode::ExpiredToken,
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
        | Denied::NotReadable { .. } => S3ErrorCode::AccessDenied,
        Denied::NoSuchSurvey(_)
        | Denied::NotAMethod(_)
        | Denied::NotAnAccess(_)
        | Denied::NotAKey(_)
        | Denied::NotNarrowed(_)
        | Denied::Lifetime(_) => S3ErrorCode::InvalidArgument,
        Denied::NoSuchLease(_) => S3ErrorCode::InvalidRequest,
        Denied::Away { .. } => S3ErrorCode::ServiceUnavailable,
        Denied::Upstream { .. } | Denied::Database(_) => S3ErrorCode::InternalError,
    };
    let message = match why {
        // What is wrong inside is for the log.
        Denied::Upstream { .. } | Denied::Database(_) => {
            "something is wrong inside; it has been logged".to_owned()
        }
        why => format!("{why}; {}", why.hint()),
    };
    S3Error::with_message(code, message)
}

/// A failure of the store as S3 says it; fits `map_err`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "map_err hands over the error"
)]
pub(crate) fn store(error: StoreError) -> S3Error {
    let code = match &error {
        StoreError::NoSuchBucket { .. } => S3ErrorCode::NoSuchBucket,
        StoreError::NoSuchKey { .. } => S3ErrorCode::NoSuchKey,
        StoreError::NoSuchUpload { .. } => S3ErrorCode::NoSuchUpload,
        StoreError::KeyTooLong { .. } => S3ErrorCode::KeyTooLongError,
        StoreError::InvalidKey { .. } | StoreError::InvalidPartNumber { .. } => {
            S3ErrorCode::InvalidArgument
        }
        StoreError::PreconditionFailed { .. } => S3ErrorCode::PreconditionFailed,
        StoreError::InvalidPart { .. } => S3ErrorCode::InvalidPart,
        StoreError::InvalidPartOrder { .. } => S3ErrorCode::InvalidPartOrder,
        StoreError::PartTooSmall { .. } => S3ErrorCode::EntityTooSmall,
        StoreError::AttributesTooLarge { .. } => S3ErrorCode::MetadataTooLarge,
        StoreError::Full { .. } => {
            tracing::error!(%error, "the store is full");
            let mut full = S3Error::with_message(
                S3ErrorCode::Custom("InsufficientStorage".into()),
                "the store has no room for this; nothing was stored",
            );
            full.set_status_code(http::StatusCode::INSUFFICIENT_STORAGE);
            return full;
        }
        StoreError::Poisoned { .. } => {
            tracing::error!(%error, "the store takes no writes");
            return S3Error::with_message(
                S3ErrorCode::ServiceUnavailable,
                "the store takes no writes at present",
            );
        }
        StoreError::InUse { .. }
        | StoreError::UnknownFormat { .. }
        | StoreError::NameNotUtf8 { .. }
        | StoreError::Damaged { .. }
        | StoreError::Io { .. } => {
            // Paths of this machine are for the log.
            tracing::error!(%error, "the store failed");
            return S3Error::with_message(
                S3ErrorCode::InternalError,
                "the store failed; it has been logged",
            );
        }
    };
    S3Error::with_message(code, error.to_string())
}
