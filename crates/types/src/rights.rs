//! What a credential may do: read or write below prefixes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{BucketName, NameError};

/// A place in the object store: a bucket, or the keys of a bucket that start with `prefix`.
/// Written `bucket/` or `bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix {
    /// The bucket.
    pub bucket: BucketName,
    /// The first characters of every key; empty for the whole bucket.
    pub prefix: String,
}

impl Prefix {
    /// Whether `key` in `bucket` lies here.
    pub fn covers(&self, bucket: &str, key: &str) -> bool {
        self.bucket.as_str() == bucket && key.starts_with(&self.prefix)
    }
}

impl FromStr for Prefix {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self {
            bucket: bucket.parse()?,
            prefix: prefix.to_owned(),
        })
    }
}

impl TryFrom<String> for Prefix {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> String {
        prefix.to_string()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bucket, self.prefix)
    }
}

/// How far a right goes. Writing includes reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Get, head and list.
    Read,
    /// Also put, copy, delete and multipart uploads.
    Write,
}

impl Access {
    /// The word used in the API, the database and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One access to one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Where.
    pub place: Prefix,
    /// How far.
    pub access: Access,
}

/// All that a credential may do. What is not granted is denied.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(pub Vec<Grant>);

impl Rights {
    /// `access` to every one of `places`.
    pub fn to(places: &[Prefix], access: Access) -> Self {
        Self(
            places
                .iter()
                .map(|place| Grant {
                    place: place.clone(),
                    access,
                })
                .collect(),
        )
    }

    /// What both allow.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let both = |a: &Grant, b: &Grant| {
            let (near, far) = if a.place.prefix.len() <= b.place.prefix.len() {
                (a, b)
            } else {
                (b, a)
            };
            let inside = near
                .place
                .covers(far.place.bucket.as_str(), &far.place.prefix);
            inside.then(|| Grant {
                place: far.place.clone(),
                access: a.access.min(b.access),
            })
        };
        let pairs = self
            .0
            .iter()
            .flat_map(|a| other.0.iter().filter_map(move |b| both(a, b)));
        Self(pairs.collect())
    }

    /// May the object `key` be read?
    pub fn read(&self, bucket: &str, key: &str) -> bool {
        self.0.iter().any(|grant| grant.place.covers(bucket, key))
    }

    /// May the object `key` be written or deleted?
    pub fn write(&self, bucket: &str, key: &str) -> bool {
        self.0
            .iter()
            .any(|grant| grant.access == Access::Write && grant.place.covers(bucket, key))
    }

    /// May the keys that start with `prefix` be listed? A listing shows nothing outside a grant.
    pub fn list(&self, bucket: &str, prefix: &str) -> bool {
        self.read(bucket, prefix)
    }

    /// May it be known that the bucket exists?
    pub fn see(&self, bucket: &str) -> bool {
        self.0
            .iter()
            .any(|grant| grant.place.bucket.as_str() == bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(place: &str, access: Access) -> Rights {
        Rights::to(&[place.parse().unwrap()], access)
    }

    #[test]
    fn a_right_ends_at_its_prefix() {
        let rights = rights("lsst/dp1/", Access::Read);
        assert!(rights.read("lsst", "dp1/image.fits"));
        assert!(rights.list("lsst", "dp1/"));
        assert!(rights.list("lsst", "dp1/2026/"));
        assert!(!rights.list("lsst", ""));
        assert!(!rights.list("lsst", "dp"));
        assert!(!rights.read("lsst", "dp2/image.fits"));
        assert!(!rights.read("lsst2", "dp1/image.fits"));
        assert!(!rights.write("lsst", "dp1/image.fits"));
        assert!(rights.see("lsst"));
        assert!(!rights.see("other"));
    }

    #[test]
    fn an_intersection_is_the_narrower_place_and_the_lesser_access() {
        let both = |a: (&str, Access), b: (&str, Access)| {
            let (a, b) = (rights(a.0, a.1), rights(b.0, b.1));
            assert_eq!(a.intersect(&b), b.intersect(&a));
            a.intersect(&b)
        };
        assert_eq!(
            both(("lsst/", Access::Write), ("lsst/dp1/", Access::Read)),
            rights("lsst/dp1/", Access::Read)
        );
        for apart in ["lsst/dp2/", "other/"] {
            let none = both(("lsst/dp1/", Access::Write), (apart, Access::Write));
            assert_eq!(none, Rights::default());
        }
    }

    #[test]
    fn writing_includes_reading() {
        let rights = rights("lsst/", Access::Write);
        assert!(rights.read("lsst", "a") && rights.write("lsst", "a") && rights.list("lsst", ""));
        assert!(!Rights::default().see("lsst"));
    }
}
