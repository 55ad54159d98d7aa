//! What a listing of a bucket says, a page at a time.

use crate::Entry;

/// Where a listing continues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum After<'a> {
    /// At the beginning.
    #[default]
    Nothing,
    /// Strictly after this key.
    Key(&'a str),
    /// After every key that starts with this (a common prefix that was listed as such).
    Prefix(&'a str),
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An object.
    Object(Entry),
    /// All objects whose keys start with this: the listing's prefix, then text up to and including
    /// the first delimiter.
    Prefix(String),
}

impl Item {
    /// The object's key, or the common prefix.
    pub fn name(&self) -> &str {
        match self {
            Self::Object(entry) => &entry.key,
            Self::Prefix(prefix) => prefix,
        }
    }
}

/// A page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects and common prefixes together, in the order of their bytes.
    pub items: Vec<Item>,
    /// Whether there is more than this page holds.
    pub truncated: bool,
}

impl Page {
    /// The key or common prefix after which the next page starts.
    pub fn last(&self) -> Option<&str> {
        self.items.last().map(Item::name)
    }

    /// Where the next page starts: after the last object, or after everything below the last common
    /// prefix.
    pub fn next(&self) -> After<'_> {
        match self.items.last() {
            None => After::Nothing,
            Some(Item::Object(entry)) => After::Key(&entry.key),
            Some(Item::Prefix(prefix)) => After::Prefix(prefix),
        }
    }

    /// The objects of the page, without the common prefixes.
    pub fn objects(&self) -> impl Iterator<Item = &Entry> {
        self.items.iter().filter_map(|item| match item {
            Item::Object(entry) => Some(entry),
            Item::Prefix(_) => None,
        })
    }
}

/// The common prefix that `key` is listed under, if it contains the delimiter behind `prefix`
/// (which it must start with). An empty delimiter is none.
pub fn common_prefix<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.get(prefix.len()..)?;
    let at = rest.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}
