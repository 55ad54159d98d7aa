//! One page of a listing, with common prefixes rolled up: what versions 1 and 2 share.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{CommonPrefix, EncodingType, Object, ObjectStorageClass};
use s3s::{S3Error, S3ErrorCode, S3Result};
use skykey_store::{After, Entry, Item, ObjectStore};

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
    pub(super) objects: Vec<Entry>,
    pub(super) prefixes: Vec<String>,
    /// Where the next page starts, if there is one.
    pub(super) next: Option<Start>,
}

/// Reads a page of at most `limit` entries.
pub(super) async fn page(
    objects: &dyn ObjectStore,
    bucket: &str,
    prefix: &str,
    delimiter: &str,
    start: Start,
    limit: usize,
) -> S3Result<Page> {
    let after = match &start {
        Start::Beginning => After::Nothing,
        Start::Key(key) => After::Key(key),
        Start::Prefix(prefix) => After::Prefix(prefix),
    };
    let listed = objects
        .list(bucket, prefix, Some(delimiter), after, limit)
        .await
        .map_err(store)?;
    let mut page = Page {
        next: listed.truncated.then(|| match listed.next() {
            After::Nothing => Start::Beginning,
            After::Key(key) => Start::Key(key.to_owned()),
            After::Prefix(prefix) => Start::Prefix(prefix.to_owned()),
        }),
        ..Page::default()
    };
    for item in listed.items {
        match item {
            Item::Object(entry) => page.objects.push(entry),
            Item::Prefix(prefix) => page.prefixes.push(prefix),
        }
    }
    Ok(page)
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

    pub(super) fn object(self, info: &Entry) -> Object {
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
