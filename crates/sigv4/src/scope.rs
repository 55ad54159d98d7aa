//! The credential scope.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};

use crate::Error;

const TERMINATOR: &str = "aws4_request";

/// What a signing key is good for: one day (UTC), one region, one service. Written
/// `20130524/us-east-1/s3/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    date: Date,
    region: String,
    service: String,
}

impl Scope {
    /// The scope of requests signed at `time`.
    pub fn at(time: Timestamp, region: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            date: time.to_zoned(TimeZone::UTC).date(),
            region: region.into(),
            service: service.into(),
        }
    }

    /// The day, as `YYYYMMDD`.
    pub fn date(&self) -> String {
        self.date.strftime("%Y%m%d").to_string()
    }

    /// The region, `us-east-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The service, `s3` or `sts`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Whether a request made at `time` may be signed with this scope: they name the same day.
    pub fn covers(&self, time: Timestamp) -> bool {
        self.date == time.to_zoned(TimeZone::UTC).date()
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| Error::Scope(text.chars().take(120).collect()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{TERMINATOR}",
            self.date.strftime("%Y%m%d"),
            self.region,
            self.service
        )
    }
}

/// A credential scope as text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScopeText<'a> {
    pub(crate) text: &'a str,
    /// Eight digits, which need not be a day.
    pub(crate) day: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

impl<'a> ScopeText<'a> {
    /// Splits a credential scope.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split('/');
        let (day, region, service) = (parts.next()?, parts.next()?, parts.next()?);
        let well_formed = parts.next() == Some(TERMINATOR)
            && parts.next().is_none()
            && !region.is_empty()
            && !service.is_empty()
            && day.len() == 8
            && day.bytes().all(|byte| byte.is_ascii_digit());
        well_formed.then_some(Self {
            text,
            day,
            region,
            service,
        })
    }
}

fn parse(text: &str) -> Option<Scope> {
    let scope = ScopeText::parse(text)?;
    Some(Scope {
        date: Date::strptime("%Y%m%d", scope.day).ok()?,
        region: scope.region.to_owned(),
        service: scope.service.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        let text = "20130524/us-east-1/s3/aws4_request";
        let scope: Scope = text.parse().unwrap();
        assert_eq!(scope.to_string(), text);
        assert_eq!(
            (scope.date().as_str(), scope.region(), scope.service()),
            ("20130524", "us-east-1", "s3")
        );
        assert!(scope.covers("2013-05-24T23:59:59Z".parse().unwrap()));
        assert!(!scope.covers("2013-05-25T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn anything_else_is_no_scope() {
        for bad in [
            "",
            "20130524/us-east-1/s3",
            "20130524/us-east-1/s3/aws4_request/",
            "20130524//s3/aws4_request",
            "20131324/us-east-1/s3/aws4_request",
            "2013524/us-east-1/s3/aws4_request",
            "+0130524/us-east-1/s3/aws4_request",
            "20130524/us-east-1/s3/aws3_request",
        ] {
            assert_eq!(bad.parse::<Scope>(), Err(Error::Scope(bad.to_owned())));
        }
    }
}
