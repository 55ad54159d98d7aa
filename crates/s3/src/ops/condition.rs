//! Conditions of a read (RFC 9110 §13), in the order in which it says to look at them.

use std::time::SystemTime;

use s3s::dto::{ETagCondition, Timestamp as S3Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_store::ObjectInfo;

use super::words;

/// The four conditions that a request may carry.
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) matches: Option<ETagCondition>,
    pub(super) none_matches: Option<ETagCondition>,
    pub(super) modified_since: Option<S3Timestamp>,
    pub(super) unmodified_since: Option<S3Timestamp>,
}

impl Conditions {
    /// `304` or `412` if a condition does not hold.
    pub(super) fn check(&self, info: &ObjectInfo) -> S3Result<()> {
        let is = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(etag) => etag.value() == info.etag,
        };
        let failed = || {
            S3Error::with_message(
                S3ErrorCode::PreconditionFailed,
                "at least one of the preconditions does not hold",
            )
        };
        let modified = seconds(&words::time(info.modified));
        match (&self.matches, &self.unmodified_since) {
            (Some(condition), _) if !is(condition) => return Err(failed()),
            (None, Some(since)) if modified > seconds(since) => return Err(failed()),
            _ => {}
        }
        let unchanged = match (&self.none_matches, &self.modified_since) {
            (Some(condition), _) => is(condition),
            (None, Some(since)) => modified <= seconds(since),
            (None, None) => false,
        };
        if unchanged {
            Err(not_modified(info))
        } else {
            Ok(())
        }
    }
}

fn not_modified(info: &ObjectInfo) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = http::HeaderMap::new();
    if let Ok(etag) = words::etag(&info.etag).to_http_header() {
        headers.insert(http::header::ETAG, etag);
    }
    error.set_headers(headers);
    error
}

fn seconds(time: &S3Timestamp) -> u64 {
    let time = SystemTime::from(time::OffsetDateTime::from(time.clone()));
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use skykey_store::Attributes;
    use skykey_types::Timestamp;

    use super::*;

    fn verdict(conditions: &Conditions) -> Option<String> {
        let info = ObjectInfo {
            key: "k".to_owned(),
            size: 1,
            etag: "abc".to_owned(),
            modified: Timestamp::from_millisecond(1_000_500).unwrap(),
            attributes: Attributes::default(),
        };
        conditions
            .check(&info)
            .err()
            .map(|error| error.code().as_str().to_owned())
    }

    fn etag(text: &str) -> ETagCondition {
        ETagCondition::ETag(words::etag(text))
    }

    fn at(second: i64) -> S3Timestamp {
        words::time(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn conditions_hold_or_fail_as_the_rfc_says() {
        let none = Conditions::default;
        assert_eq!(verdict(&none()), None);
        assert_eq!(
            verdict(&Conditions {
                matches: Some(etag("abc")),
                ..none()
            }),
            None
        );
        assert_eq!(
            verdict(&Conditions {
                matches: Some(etag("x")),
                ..none()
            })
            .as_deref(),
            Some("PreconditionFailed")
        );
        assert_eq!(
            verdict(&Conditions {
                none_matches: Some(etag("abc")),
                ..none()
            })
            .as_deref(),
            Some("NotModified")
        );
        assert_eq!(
            verdict(&Conditions {
                none_matches: Some(etag("x")),
                ..none()
            }),
            None
        );
        // The object's time is cut to the second that was announced.
        assert_eq!(
            verdict(&Conditions {
                modified_since: Some(at(1000)),
                ..none()
            })
            .as_deref(),
            Some("NotModified")
        );
        assert_eq!(
            verdict(&Conditions {
                modified_since: Some(at(999)),
                ..none()
            }),
            None
        );
        assert_eq!(
            verdict(&Conditions {
                unmodified_since: Some(at(999)),
                ..none()
            })
            .as_deref(),
            Some("PreconditionFailed")
        );
        assert_eq!(
            verdict(&Conditions {
                unmodified_since: Some(at(1000)),
                ..none()
            }),
            None
        );
        // An ETag condition decides alone.
        let both = Conditions {
            none_matches: Some(etag("x")),
            modified_since: Some(at(2000)),
            ..none()
        };
        assert_eq!(verdict(&both), None);
    }
}
