//! What is kept in memory of each object: what a listing needs, and where to find the rest.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::ops::Bound;

use skykey_types::Timestamp;

use crate::{After, Entry, Item, ObjectInfo, Page, common_prefix};

/// The objects of a bucket by the keys' bytes, which sort as S3 lists.
#[derive(Default)]
pub(super) struct Index(BTreeMap<Box<[u8]>, Version>);

/// One version of an object. Its attributes are in its file.
#[derive(Clone, Copy)]
pub(super) struct Version {
    /// The length of the body in bytes, which is where the tail of the file starts.
    pub(super) size: u64,
    pub(super) generation: u64,
    pub(super) modified: Timestamp,
    /// The length of the tail of the file in bytes.
    pub(super) tail_bytes: u32,
    pub(super) etag: Etag,
}

const _: () = assert!(
    size_of::<Version>() == 56,
    "the documentation of the crate says how much memory an object takes"
);

/// An ETag in 18 bytes: an MD5, and the number of parts if the object was made of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Etag {
    md5: [u8; 16],
    /// 0 if the object was written in one piece.
    parts: u16,
}

impl Version {
    /// `None` if the ETag is not one that this store gives.
    pub(super) fn of(info: &ObjectInfo, generation: u64, tail_bytes: u32) -> Option<Self> {
        Some(Self {
            size: info.size,
            generation,
            modified: info.modified,
            tail_bytes,
            etag: Etag::parse(&info.etag)?,
        })
    }
}

impl Index {
    pub(super) fn get(&self, key: &str) -> Option<Version> {
        self.0.get(key.as_bytes()).copied()
    }

    pub(super) fn insert(&mut self, key: &str, version: Version) {
        match self.0.get_mut(key.as_bytes()) {
            Some(old) => *old = version,
            None => {
                self.0.insert(key.as_bytes().into(), version);
            }
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.remove(key.as_bytes());
    }

    /// As [`ObjectStore::list`](crate::ObjectStore::list). Steps over a common prefix to the first
    /// key behind it.
    pub(super) fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        after: After<'_>,
        limit: usize,
    ) -> Page {
        let mut page = Page::default();
        let Some(start) = start(prefix, after).filter(|_| limit > 0) else {
            return page;
        };
        let mut rest = self.from(&start);
        while let Some((bytes, version)) = rest.next() {
            if !bytes.starts_with(prefix.as_bytes()) {
                break;
            }
            if page.items.len() == limit {
                page.truncated = true;
                break;
            }
            let key = String::from_utf8_lossy(bytes);
            if let Some(common) = common_prefix(&key, prefix, delimiter) {
                page.items.push(Item::Prefix(common.to_owned()));
                let Some(next) = first_after_prefix(common) else {
                    break;
                };
                rest = self.from(&Bound::Included(next));
            } else {
                page.items.push(Item::Object(Entry {
                    key: key.into_owned(),
                    size: version.size,
                    etag: version.etag.to_string(),
                    modified: version.modified,
                }));
            }
        }
        page
    }

    fn from(&self, start: &Bound<Vec<u8>>) -> btree_map::Range<'_, Box<[u8]>, Version> {
        let start = start.as_ref().map(Vec::as_slice);
        self.0.range::<[u8], _>((start, Bound::Unbounded))
    }
}

/// Where a listing starts; `None` if there can be nothing.
fn start(prefix: &str, after: After<'_>) -> Option<Bound<Vec<u8>>> {
    let begin = prefix.as_bytes();
    Some(match after {
        After::Key(key) if key.as_bytes() >= begin => Bound::Excluded(key.into()),
        After::Prefix(skipped) => {
            let next = first_after_prefix(skipped)?;
            Bound::Included(next.max(begin.to_vec()))
        }
        After::Nothing | After::Key(_) => Bound::Included(begin.to_vec()),
    })
}

/// The smallest byte string that comes after every string with the prefix; none if every string
/// has it. No byte of UTF-8 is 255, so the last one can be raised.
fn first_after_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut next = prefix.as_bytes().to_vec();
    *next.last_mut()? += 1;
    Some(next)
}

impl Etag {
    fn parse(text: &str) -> Option<Self> {
        let (hex, parts) = match text.split_once('-') {
            None => (text, 0),
            Some((hex, parts)) => (hex, parts.parse().ok().filter(|parts| *parts > 0)?),
        };
        let mut md5 = [0; 16];
        hex::decode_to_slice(hex, &mut md5).ok()?;
        let etag = Self { md5, parts };
        (etag.to_string() == text).then_some(etag)
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 32];
        hex::encode_to_slice(self.md5, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)?;
        if self.parts > 0 {
            write!(f, "-{}", self.parts)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// What S3 says a listing is: every key, named by its common prefix if it has one, each name
    /// once, from `after` on.
    fn reference(
        keys: &BTreeSet<String>,
        prefix: &str,
        delimiter: Option<&str>,
        after: After<'_>,
        limit: usize,
    ) -> (Vec<(String, bool)>, bool) {
        let mut names = Vec::new();
        for key in keys {
            let is_after = match after {
                After::Nothing => true,
                After::Key(after) => key.as_str() > after,
                After::Prefix(skipped) => key.as_str() > skipped && !key.starts_with(skipped),
            };
            let Some(rest) = key.strip_prefix(prefix).filter(|_| is_after) else {
                continue;
            };
            let split = delimiter
                .filter(|delimiter| !delimiter.is_empty())
                .and_then(|delimiter| Some((rest.split_once(delimiter)?.0, delimiter)));
            let name = match split {
                Some((head, delimiter)) => (format!("{prefix}{head}{delimiter}"), true),
                None => (key.clone(), false),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let truncated = limit > 0 && names.len() > limit;
        names.truncate(limit);
        (names, truncated)
    }

    fn names(page: &Page) -> Vec<(String, bool)> {
        let name = |item: &Item| (item.name().to_owned(), matches!(item, Item::Prefix(_)));
        page.items.iter().map(name).collect()
    }

    fn index(keys: &BTreeSet<String>) -> Index {
        let mut index = Index::default();
        for key in keys {
            let version = Version {
                size: 0,
                generation: 0,
                modified: Timestamp::UNIX_EPOCH,
                tail_bytes: 0,
                etag: Etag {
                    md5: [0; 16],
                    parts: 0,
                },
            };
            index.insert(key, version);
        }
        index
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn a_listing_is_that_of_the_reference(
            keys in prop::collection::btree_set("[ab/é-]{1,5}", 0..25),
            prefix in "[ab/é-]{0,2}",
            delimiter in prop::option::of("(/|-|é|ab|//|b-/)?"),
            after in prop::option::of("[ab/é-]{0,3}"),
            skips in any::<bool>(),
            limit in 0..8_usize,
        ) {
            let index = index(&keys);
            let after = match &after {
                None => After::Nothing,
                Some(text) if skips => After::Prefix(text),
                Some(text) => After::Key(text),
            };
            let delimiter = delimiter.as_deref();
            let page = index.list(&prefix, delimiter, after, limit);
            let expected = reference(&keys, &prefix, delimiter, after, limit);
            prop_assert_eq!((names(&page), page.truncated), expected);
        }

        #[test]
        fn pages_fit_together(
            keys in prop::collection::btree_set("[ab/é-]{1,5}", 0..25),
            prefix in "[ab/é-]{0,1}",
            delimiter in prop::option::of("(/|-|ab|//)"),
            limit in 1..4_usize,
        ) {
            let index = index(&keys);
            let delimiter = delimiter.as_deref();
            let whole = index.list(&prefix, delimiter, After::Nothing, usize::MAX);
            let mut paged = Vec::new();
            let mut page = index.list(&prefix, delimiter, After::Nothing, limit);
            paged.extend(names(&page));
            while page.truncated {
                page = index.list(&prefix, delimiter, page.next(), limit);
                paged.extend(names(&page));
            }
            prop_assert_eq!(paged, names(&whole));
        }
    }

    #[test]
    fn an_etag_is_kept_as_it_is_written() {
        let md5 = "0123456789abcdef0123456789abcdef";
        for text in [md5, &format!("{md5}-1"), &format!("{md5}-10000")] {
            assert_eq!(Etag::parse(text).unwrap().to_string(), text);
        }
        let upper = md5.to_uppercase();
        for bad in [
            "",
            "abc",
            &upper,
            &format!("{md5}-"),
            &format!("{md5}-0"),
            &format!("{md5}-01"),
        ] {
            assert_eq!(Etag::parse(bad), None, "{bad}");
        }
    }
}
