//! What the store knows about buckets and objects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skykey_types::{BucketName, Timestamp};

use crate::StoreError;

/// The longest key, in bytes of UTF-8 (as Amazon S3 has it).
pub const MAX_KEY_BYTES: usize = 1024;

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfo {
    /// Its name.
    pub name: BucketName,
    /// When it was created.
    pub created: Timestamp,
}

/// What a listing says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// The length of its body in bytes.
    pub size: u64,
    /// As in [`ObjectInfo::etag`].
    pub etag: String,
    /// When it was committed.
    pub modified: Timestamp,
}

/// All that is known of one version of an object: its metadata without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// The length of its body in bytes.
    pub size: u64,
    /// Without quotes: the body's MD5 in lower-case hexadecimal, or for an object made of `n`
    /// parts the MD5 of the parts' MD5s followed by `-n`.
    pub etag: String,
    /// When it was committed.
    pub modified: Timestamp,
    /// What its writer said about it.
    pub attributes: Attributes,
}

impl ObjectInfo {
    /// What a listing says of this version.
    pub fn entry(&self) -> Entry {
        Entry {
            key: self.key.clone(),
            size: self.size,
            etag: self.etag.clone(),
            modified: self.modified,
        }
    }
}

/// What a writer says about an object. The store keeps it and gives it back, and never looks
/// inside. All of it together may take 1 MiB; the S3 endpoint's own limits are far below.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Expires`, as the writer spelled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The `x-amz-meta-*` headers, named without that prefix.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user: BTreeMap<String, String>,
    /// The algorithm as S3 spells it (`CRC32C`) → the value in base64, checked by the endpoint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub checksums: BTreeMap<String, String>,
    /// The file that an [`import`](crate::import()) took the object from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// What tells whether an imported file has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file's size in bytes.
    pub size: u64,
    /// When the file was last modified.
    pub modified: Timestamp,
}

/// What must hold at the moment of a change, checked and acted upon as one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: the last change wins.
    #[default]
    None,
    /// There is no such object (`If-None-Match: *`).
    IfAbsent,
    /// The object exists and has this ETag, given without quotes (`If-Match`).
    IfMatch(String),
}

impl Precondition {
    /// Fails with [`StoreError::PreconditionFailed`] unless it holds for an object with the ETag
    /// `current`, or for no object.
    pub fn check(&self, current: Option<&str>) -> Result<(), StoreError> {
        let holds = match (self, current) {
            (Self::None, _) | (Self::IfAbsent, None) => true,
            (Self::IfMatch(etag), Some(current)) => current == etag,
            (Self::IfAbsent, Some(_)) | (Self::IfMatch(_), None) => false,
        };
        if holds {
            Ok(())
        } else {
            Err(StoreError::PreconditionFailed {
                current: current.map(str::to_owned),
            })
        }
    }
}

/// Refuses what cannot be a key: empty, longer than [`MAX_KEY_BYTES`], or with a NUL in it.
/// Everything else is a key, `..` and `a//b` too: a key is not a path.
pub fn check_key(key: &str) -> Result<(), StoreError> {
    if key.is_empty() {
        Err(StoreError::InvalidKey { why: "it is empty" })
    } else if key.len() > MAX_KEY_BYTES {
        Err(StoreError::KeyTooLong { length: key.len() })
    } else if key.contains('\0') {
        Err(StoreError::InvalidKey {
            why: "it contains a NUL character",
        })
    } else {
        Ok(())
    }
}
