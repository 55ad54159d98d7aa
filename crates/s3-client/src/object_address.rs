//! Where an object is: `s3://bucket/key`.

use std::fmt;
use std::str::FromStr;

use skykey_types::{BucketName, Prefix};

/// AWS, "Naming Amazon S3 objects": of UTF-8.
const MAX_KEY_BYTES: usize = 1024;

/// A bucket and a key in it, or the first characters of some keys; written `s3://bucket/key`. The key is
/// exact: nothing in it is decoded, and `//` or a leading `/` mean what they say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectAddress {
    /// The bucket.
    pub bucket: BucketName,
    /// The key; empty for the bucket itself.
    pub key: String,
}

/// A text that is no address of an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    /// It begins otherwise.
    #[error("'{0}' is not an address in the object store; write s3://bucket/key")]
    NotS3(String),
    /// The bucket's name is none.
    #[error("'{found}' is not an address in the object store: {why}")]
    NoBucket {
        /// What stood there.
        found: String,
        /// What is wrong with the bucket's name.
        why: String,
    },
    /// No object has such a key.
    #[error("the key of '{0}…' is longer than 1024 bytes; no object has one")]
    TooLong(String),
}

impl ObjectAddress {
    /// The object of that key in the same bucket.
    #[must_use]
    pub fn with_key(&self, key: impl Into<String>) -> Self {
        Self {
            bucket: self.bucket.clone(),
            key: key.into(),
        }
    }

    /// Whether it cannot be an object: the bucket itself, or the name of a folder.
    pub fn is_folder(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }

    /// The last part of the key, which is a file's name.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// The folder that it is in, with the slash at its end.
    #[must_use]
    pub fn folder(&self) -> Self {
        let end = self.key.rfind('/').map_or(0, |slash| slash + 1);
        self.with_key(&self.key[..end])
    }
}

impl FromStr for ObjectAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let short = || text.chars().take(100).collect::<String>();
        let rest = text
            .strip_prefix("s3://")
            .ok_or_else(|| ParseAddressError::NotS3(short()))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let bucket = bucket.parse().map_err(|error: skykey_types::NameError| {
            ParseAddressError::NoBucket {
                found: short(),
                why: error.to_string(),
            }
        })?;
        if key.len() > MAX_KEY_BYTES {
            return Err(ParseAddressError::TooLong(short()));
        }
        Ok(Self {
            bucket,
            key: key.to_owned(),
        })
    }
}

impl From<Prefix> for ObjectAddress {
    fn from(place: Prefix) -> Self {
        Self {
            bucket: place.bucket,
            key: place.prefix,
        }
    }
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_key_to_the_letter() {
        for (text, key, name, folder) in [
            ("s3://m13/a/b.fits", "a/b.fits", "b.fits", "a/"),
            ("s3://m13/", "", "", ""),
            ("s3://m13//a%20b", "/a%20b", "a%20b", "/"),
            ("s3://m13/a/", "a/", "", "a/"),
        ] {
            let address: ObjectAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(
                (
                    address.key.as_str(),
                    address.name(),
                    address.folder().key.as_str()
                ),
                (key, name, folder)
            );
        }
        assert_eq!(
            "s3://m13".parse::<ObjectAddress>().unwrap().to_string(),
            "s3://m13/"
        );
    }

    #[test]
    fn what_is_no_address_is_told_how_to_write_one() {
        let said = |text: &str| text.parse::<ObjectAddress>().unwrap_err().to_string();
        for text in ["", "m13/a", "/m13/a", "S3://m13/a", "https://m13/a"] {
            assert!(said(text).contains("write s3://bucket/key"), "{text}");
        }
        assert!(said("s3:///a").contains("bucket name"));
        assert!(said("s3://M13/a").contains("bucket name"));
        let long = format!("s3://m13/{}", "x".repeat(1025));
        assert!(said(&long).contains("1024 bytes") && said(&long).len() < 300);
    }
}
