//! Names that have been parsed: groups, surveys, buckets, projects.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{found}' is not a {what}: {expected}")]
pub struct NameError {
    /// Which kind of name was wanted.
    pub what: &'static str,
    /// What stood there.
    pub found: String,
    /// What it must look like.
    pub expected: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let parse: fn(&str) -> Option<&str> = $parse;
                match parse(text) {
                    Some(name) => Ok(Self(name.to_owned())),
                    None => Err(NameError { what: $what, found: text.chars().take(80).collect(), expected: $expected }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// An IAM group's path, `lsst/echo-readers`. One leading slash (the WLCG profile writes it) is
    /// dropped, so a group has one spelling here.
    GroupPath,
    "group path",
    "segments of letters, digits, '.', '-' and '_' joined by '/', at most 255 characters, such as lsst/echo-readers",
    |text| {
        let path = text.strip_prefix('/').unwrap_or(text);
        let segment_ok = |segment: &str| {
            !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        (path.len() <= 255 && path.split('/').all(segment_ok)).then_some(path)
    }
);

name!(
    /// A survey's name, which people type and URLs carry.
    SurveyName,
    "survey name",
    "3 to 60 characters out of a-z, 0-9 and '-', starting and ending with a letter or digit",
    |text| {
        let edge_ok = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        ((3..=60).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
            && edge_ok(bytes.first())
            && edge_ok(bytes.last()))
        .then_some(text)
    }
);

name!(
    /// A bucket's name, by the rules that Amazon S3 gives for general purpose buckets.
    BucketName,
    "bucket name",
    "3 to 63 characters out of a-z, 0-9, '-' and '.', starting and ending with a letter or digit, no '..', not an IPv4 address",
    |text| {
        let edge_ok = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        ((3..=63).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
            && edge_ok(bytes.first())
            && edge_ok(bytes.last())
            && !text.contains("..")
            && text.parse::<std::net::Ipv4Addr>().is_err())
        .then_some(text)
    }
);

name!(
    /// An OpenStack project's name, within the domain `default`.
    ProjectName,
    "project name",
    "1 to 64 characters without blanks or control characters",
    |text| ((1..=64).contains(&text.chars().count()) && !text.chars().any(|c| c.is_whitespace() || c.is_control()))
        .then_some(text)
);

name!(
    /// A role's name in the object store, `arn:aws:iam:::role/skykey-m13-readers`.
    RoleArn,
    "role ARN",
    "arn:aws:iam:[REGION]:[ACCOUNT]:role/NAME, 20 to 2048 characters, such as arn:aws:iam:::role/skykey-m13-readers",
    |text| {
        let rest = text.strip_prefix("arn:aws:iam:")?;
        let mut parts = rest.splitn(3, ':');
        let role = parts.nth(2)?.strip_prefix("role/")?;
        ((20..=2048).contains(&text.len()) && !role.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())).then_some(text)
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_spelling() {
        assert_eq!(
            "/lsst/dr1".parse::<GroupPath>().unwrap(),
            "lsst/dr1".parse().unwrap()
        );
        for bad in [
            "",
            "/",
            "//lsst",
            "lsst/",
            "a//b",
            "a b",
            "a/../b\n",
            &"x".repeat(256),
        ] {
            assert!(bad.parse::<GroupPath>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_bad_name_says_what_was_expected() {
        let error = "No".parse::<SurveyName>().unwrap_err().to_string();
        assert!(
            error.starts_with("'No' is not a survey name: 3 to 60 characters"),
            "{error}"
        );
        for bad in ["a", "-ab", "ab-", "a_b", "Abc"] {
            assert!(bad.parse::<SurveyName>().is_err(), "{bad:?} was accepted");
        }
        for bad in ["192.168.0.1", "a..b", ".ab", "ab", "A-b"] {
            assert!(bad.parse::<BucketName>().is_err(), "{bad:?} was accepted");
        }
        assert!("m13.images".parse::<BucketName>().is_ok());
    }
}
