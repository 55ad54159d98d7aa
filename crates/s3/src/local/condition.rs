//! Conditions of reads and writes (RFC 9110 §13), in the order in which it says to look at them.

use http::HeaderMap;
use http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};
use skykey_store::{ObjectInfo, Precondition};
use skykey_types::Timestamp;

use super::object_headers::etag;
use super::time::{http_date, parse_http_date};
use crate::fault::{Code, Fault, Result};
use crate::request::Request;

/// The ETags of an `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ETags<'r> {
    /// `*`.
    Any,
    /// The listed ones, without quotes.
    Listed(Vec<&'r str>),
}

impl<'r> ETags<'r> {
    fn parse(text: &'r str) -> Self {
        if text.trim() == "*" {
            return Self::Any;
        }
        let etag = |text: &'r str| {
            let text = text.trim();
            text.strip_prefix("W/").unwrap_or(text).trim_matches('"')
        };
        Self::Listed(text.split(',').map(etag).collect())
    }

    fn holds(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed.contains(&etag),
        }
    }
}

/// The four conditions that a read, or the source of a copy, may carry.
#[derive(Debug, Default)]
pub(super) struct Conditions<'r> {
    matches: Option<ETags<'r>>,
    none_matches: Option<ETags<'r>>,
    modified_since: Option<Timestamp>,
    unmodified_since: Option<Timestamp>,
}

impl<'r> Conditions<'r> {
    /// Those of a read.
    pub(super) fn of_read(request: &Request<'r>) -> Self {
        Self::of(
            request.headers,
            [
                IF_MATCH.as_str(),
                IF_NONE_MATCH.as_str(),
                IF_MODIFIED_SINCE.as_str(),
                IF_UNMODIFIED_SINCE.as_str(),
            ],
        )
    }

    /// Those of the source of a copy. RGW has another name for the first of them, which clients of
    /// both send beside S3's.
    pub(super) fn of_source(request: &Request<'r>) -> Self {
        let conditions = Self::of(
            request.headers,
            [
                "x-amz-copy-source-if-match",
                "x-amz-copy-source-if-none-match",
                "x-amz-copy-source-if-modified-since",
                "x-amz-copy-source-if-unmodified-since",
            ],
        );
        let by_rgws_name = request.header("x-amz-copy-if-match").map(ETags::parse);
        Self {
            matches: conditions.matches.or(by_rgws_name),
            ..conditions
        }
    }

    fn of(
        headers: &'r HeaderMap,
        [matches, none_matches, modified, unmodified]: [&str; 4],
    ) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            matches: text(matches).map(ETags::parse),
            none_matches: text(none_matches).map(ETags::parse),
            modified_since: text(modified).and_then(parse_http_date),
            unmodified_since: text(unmodified).and_then(parse_http_date),
        }
    }

    /// Refuses with `304` or `412` if a condition does not hold.
    pub(super) fn check(&self, info: &ObjectInfo) -> Result<()> {
        let modified = info.modified.as_second();
        match (&self.matches, self.unmodified_since) {
            (Some(etags), _) if !etags.holds(&info.etag) => return Err(failed()),
            (None, Some(since)) if modified > since.as_second() => return Err(failed()),
            _ => {}
        }
        let unchanged = match (&self.none_matches, self.modified_since) {
            (Some(etags), _) => etags.holds(&info.etag),
            (None, Some(since)) => modified <= since.as_second(),
            (None, None) => false,
        };
        if unchanged {
            Err(not_modified(info))
        } else {
            Ok(())
        }
    }

    /// The same for the source of a copy, where a condition that fails is `412`: `304` is for reads.
    pub(super) fn check_source(&self, info: &ObjectInfo) -> Result<()> {
        self.check(info).map_err(|_| {
            Fault::new(
                Code::PreconditionFailed,
                "the source does not meet the conditions of the copy; nothing was copied",
            )
        })
    }
}

fn failed() -> Fault {
    Fault::new(
        Code::PreconditionFailed,
        "at least one of the preconditions does not hold",
    )
}

fn not_modified(info: &ObjectInfo) -> Fault {
    let fault = Fault::new(Code::NotModified, "the object has not changed")
        .with_header(http::header::ETAG, etag(&info.etag));
    match http_date(info.modified).parse() {
        Ok(date) => fault.with_header(LAST_MODIFIED, date),
        Err(_) => fault,
    }
}

/// `If-Match` and `If-None-Match` of a write
/// ([conditional writes](https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)).
pub(super) fn precondition(request: &Request<'_>) -> Result<Precondition> {
    let of = |name| request.header(name).map(ETags::parse);
    match (of(IF_MATCH), of(IF_NONE_MATCH)) {
        (None, None) => Ok(Precondition::None),
        (None, Some(ETags::Any)) => Ok(Precondition::IfAbsent),
        (Some(ETags::Listed(etags)), None) if etags.len() == 1 => {
            Ok(Precondition::IfMatch(etags[0].to_owned()))
        }
        _ => Err(Fault::not_implemented(
            "a write takes 'If-None-Match: *' or 'If-Match: \"etag\"', not both and nothing else",
        )),
    }
}

#[cfg(test)]
mod tests {
    use skykey_store::Attributes;

    use super::*;

    fn verdict(conditions: &Conditions<'_>) -> Option<Code> {
        let info = ObjectInfo {
            key: "k".to_owned(),
            size: 1,
            etag: "abc".to_owned(),
            modified: Timestamp::from_millisecond(1_000_500).unwrap(),
            attributes: Attributes::default(),
        };
        conditions.check(&info).err().map(|fault| fault.code)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is the value of a field")]
    fn etags(text: &str) -> Option<ETags<'_>> {
        Some(ETags::parse(text))
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is the value of a field")]
    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn conditions_hold_or_fail_as_the_rfc_says() {
        let none = Conditions::default;
        let failed = Some(Code::PreconditionFailed);
        let unchanged = Some(Code::NotModified);
        assert_eq!(verdict(&none()), None);
        for (text, verdict_of) in [
            ("\"abc\"", None),
            ("abc", None),
            ("*", None),
            ("\"x\", \"abc\"", None),
            ("\"x\"", failed),
        ] {
            let matches = etags(text);
            assert_eq!(
                verdict(&Conditions { matches, ..none() }),
                verdict_of,
                "{text}"
            );
        }
        for (text, verdict_of) in [
            ("\"abc\"", unchanged),
            ("W/\"abc\"", unchanged),
            ("*", unchanged),
            ("\"x\"", None),
        ] {
            let none_matches = etags(text);
            assert_eq!(
                verdict(&Conditions {
                    none_matches,
                    ..none()
                }),
                verdict_of,
                "{text}"
            );
        }
        // The object's time is cut to the second that was announced.
        for (since, verdict_of) in [(1000, unchanged), (999, None)] {
            let modified_since = at(since);
            assert_eq!(
                verdict(&Conditions {
                    modified_since,
                    ..none()
                }),
                verdict_of,
                "{since}"
            );
        }
        for (since, verdict_of) in [(999, failed), (1000, None)] {
            let unmodified_since = at(since);
            assert_eq!(
                verdict(&Conditions {
                    unmodified_since,
                    ..none()
                }),
                verdict_of,
                "{since}"
            );
        }
        // An ETag condition decides alone.
        let both = Conditions {
            none_matches: etags("x"),
            modified_since: at(2000),
            ..none()
        };
        assert_eq!(verdict(&both), None);
    }
}
