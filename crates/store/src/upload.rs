//! What the store knows about multipart uploads.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use skykey_types::Timestamp;

use crate::{Attributes, Precondition};

/// The highest part number.
pub const MAX_PARTS: u16 = 10_000;
/// What every part but the last must have, in bytes.
pub const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// An upload's name, opaque. Later uploads have names that sort later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(String);

impl UploadId {
    /// An upload id as a request gave it; it may name no upload.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An upload that was created and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadInfo {
    /// The bucket of the object to be.
    pub bucket: String,
    /// The key of the object to be.
    pub key: String,
    /// The upload's name.
    pub id: UploadId,
    /// When it was created.
    pub initiated: Timestamp,
    /// The attributes of the object to be.
    pub attributes: Attributes,
}

/// A part that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartInfo {
    /// Its number, 1 to [`MAX_PARTS`].
    pub number: u16,
    /// Its size in bytes.
    pub size: u64,
    /// Its MD5 in lower-case hexadecimal.
    pub etag: String,
    /// When it was committed.
    pub modified: Timestamp,
    /// Its checksums, as in [`Attributes::checksums`].
    pub checksums: BTreeMap<String, String>,
}

/// What makes an object of an upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// The parts, ascending, each with its ETag without quotes. Parts left out are thrown away.
    pub parts: Vec<(u16, String)>,
    /// The checksums of the whole object, added to the upload's attributes.
    pub checksums: BTreeMap<String, String>,
    /// What must hold for the object that is replaced.
    pub precondition: Precondition,
}
