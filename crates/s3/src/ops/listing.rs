//! One page of a listing, with common prefixes rolled up: what versions 1 and 2 share.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{CommonPrefix, EncodingType, Object, ObjectStorageClass};
use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_store::{After, ObjectInfo, ObjectStore};

use super::words::{etag, size, time};
use crate::error::store;

/// The most entries of a page.
pub(super) const MOST: usize = 1000;

/// What a page begins after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Start {
    /// The beginning.
    #[default]
    Beginning,
    /// This key.
    Key(String),
    /// Every key below this common prefix.
    Prefix(String),
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Arc<ObjectInfo>>,
    pub(super) prefixes: Vec<String>,
    /// Where the next page starts, if there is one.
    pub(super) next: Option<Start>,
}

/// Reads a page of at most `limit` entries. Keys below a common prefix are not walked: the store is
/// asked for what comes after all of them.
pub(super) async fn page(
    objects: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    delimiter: &str,
    start: Start,
    limit: usize,
) -> S3Result<Page> {
    let mut page = Page::default();
    let mut at = start;
    if limit == 0 {
        return Ok(page);
    }
    let count = |page: &Page| page.objects.len() + page.prefixes.len();
    loop {
        let after = match &at {
            Start::Beginning => After::Nothing,
            Start::Key(key) => After::Key(key),
            Start::Prefix(prefix) => After::Prefix(prefix),
        };
        // One more than fits tells whether there is a next page.
        let wanted = limit - count(&page) + 1;
        let batch = objects
            .list(bucket, prefix, after, wanted)
            .await
            .map_err(store)?;
        let mut last = batch.len() < wanted;
        for info in batch {
            if count(&page) == limit {
                page.next = Some(at);
                return Ok(page);
            }
            let rest = info.key.get(prefix.len()..).unwrap_or_default();
            let end = rest.find(delimiter).filter(|_| !delimiter.is_empty());
            if let Some(end) = end {
                let common = info.key[..prefix.len() + end + delimiter.len()].to_owned();
                page.prefixes.push(common.clone());
                at = Start::Prefix(common);
                // What else is in the batch may be below the same prefix: ask again, behind it.
                last = false;
                break;
            }
            at = Start::Key(info.key.clone());
            page.objects.push(info);
        }
        if last {
            return Ok(page);
        }
    }
}

/// `max-keys`, 0 to 1,000; more is cut, less is an error.
pub(super) fn limit(asked: Option<i32>) -> S3Result<usize> {
    match asked {
        None => Ok(MOST),
        Some(asked) => usize::try_from(asked)
            .map(|asked| asked.min(MOST))
            .map_err(|_| {
                S3Error::with_message(
                    S3ErrorCode::InvalidArgument,
                    "max-keys must not be negative",
                )
            }),
    }
}

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// Encodes keys for XML that asks for it: XML cannot hold every character that a key can.
#[derive(Clone, Copy)]
pub(super) struct Encoding(bool);

impl Encoding {
    pub(super) fn new(asked: Option<&EncodingType>) -> S3Result<Self> {
        match asked.map(EncodingType::as_str) {
            None | Some("") => Ok(Self(false)),
            Some(EncodingType::URL) => Ok(Self(true)),
            Some(_) => Err(S3Error::with_message(
                S3ErrorCode::InvalidArgument,
                "encoding-type must be url",
            )),
        }
    }

    pub(super) fn apply(self, text: &str) -> String {
        if self.0 {
            utf8_percent_encode(text, PLAIN).to_string()
        } else {
            text.to_owned()
        }
    }

    pub(super) fn object(self, info: &ObjectInfo) -> Object {
        Object {
            key: Some(self.apply(&info.key)),
            size: Some(size(info.size)),
            e_tag: Some(etag(&info.etag)),
            last_modified: Some(time(info.modified)),
            storage_class: Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            )),
            ..Object::default()
        }
    }

    pub(super) fn common_prefixes(self, prefixes: &[String]) -> Vec<CommonPrefix> {
        prefixes
            .iter()
            .map(|prefix| CommonPrefix {
                prefix: Some(self.apply(prefix)),
            })
            .collect()
    }
}
