//! What the listings have in common: the size of a page, the encoding of keys, the entries.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use skykey_store::{Item, Page};

use super::time::in_xml;
use crate::fault::{Fault, Result};
use crate::request::Request;
use crate::xml::Writer;

/// The most entries of a page.
pub(super) const MAX_ENTRIES: usize = 1000;

/// The size of a page that the parameter asks for: more than `most` is cut, and what is not a
/// number is an error.
pub(super) fn limit(name: &str, request: &Request<'_>, most: usize) -> Result<usize> {
    match request.parameter(name) {
        None => Ok(most),
        // i32, as in AWS's API.
        Some(text) => match text.parse::<i32>() {
            Ok(wanted) => usize::try_from(wanted)
                .map(|wanted| wanted.min(most))
                .map_err(|_| Fault::argument(format!("{name} must not be negative"))),
            Err(_) => Err(Fault::argument(format!(
                "{name} is not a whole number up to 2147483647"
            ))),
        },
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
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoding(bool);

impl Encoding {
    pub(super) fn of(request: &Request<'_>) -> Result<Self> {
        match request.parameter("encoding-type") {
            None => Ok(Self(false)),
            Some("url") => Ok(Self(true)),
            Some(_) => Err(Fault::argument("encoding-type must be url")),
        }
    }

    /// An element that holds a key or a part of one.
    pub(super) fn text(self, xml: &mut Writer, name: &str, key: &str) {
        if self.0 {
            xml.value(name, utf8_percent_encode(key, PLAIN));
        } else {
            xml.text(name, key);
        }
    }

    /// The same, if there is one.
    pub(super) fn optional(self, xml: &mut Writer, name: &str, key: Option<&str>) {
        if let Some(key) = key {
            self.text(xml, name, key);
        }
    }

    /// Says which encoding it is.
    pub(super) fn name(self, xml: &mut Writer) {
        if self.0 {
            xml.text("EncodingType", "url");
        }
    }

    /// The entries of a page: all objects, then all common prefixes, as AWS orders them. A parser
    /// that reads lists in one piece would stop at the second run of objects. `owner` is written
    /// with each object if it is given.
    pub(super) fn page(self, xml: &mut Writer, page: &Page, owner: Option<&str>) {
        for item in &page.items {
            if let Item::Object(entry) = item {
                xml.open("Contents");
                self.text(xml, "Key", &entry.key);
                xml.text("LastModified", &in_xml(entry.modified));
                xml.etag(&entry.etag);
                xml.value("Size", entry.size);
                if let Some(owner) = owner {
                    xml.open("Owner");
                    xml.text("ID", owner);
                    xml.text("DisplayName", owner);
                    xml.close("Owner");
                }
                xml.text("StorageClass", "STANDARD");
                xml.close("Contents");
            }
        }
        for item in &page.items {
            if let Item::Prefix(prefix) = item {
                xml.open("CommonPrefixes");
                self.text(xml, "Prefix", prefix);
                xml.close("CommonPrefixes");
            }
        }
    }
}
