//! The XML of S3's answers and requests.
//!
//! Answers are written element by element; requests are read by `quick-xml` into types that refuse
//! elements which they do not know, so that nothing a client says is passed over.

use std::borrow::Cow;
use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::de::DeserializeOwned;

use crate::fault::{Code, Fault, Result};

/// S3's namespace.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Writes a document.
#[derive(Debug)]
pub(crate) struct Writer(String);

impl Writer {
    /// A document, without a root element yet.
    pub(crate) fn document() -> Self {
        let mut text = String::with_capacity(512);
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self(text)
    }

    /// A document with S3's namespace on its root element, which [`Writer::end`] closes.
    pub(crate) fn rooted(root: &str) -> Self {
        let mut xml = Self::document();
        let _ = write!(xml.0, "<{root} xmlns=\"{NAMESPACE}\">");
        xml
    }

    /// A document of one element that holds text.
    pub(crate) fn leaf(root: &str, value: &str) -> String {
        let mut xml = Self::rooted(root);
        xml.0.push_str(&escape(value));
        xml.end(root)
    }

    pub(crate) fn open(&mut self, name: &str) {
        let _ = write!(self.0, "<{name}>");
    }

    pub(crate) fn close(&mut self, name: &str) {
        let _ = write!(self.0, "</{name}>");
    }

    /// An element that holds text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        let _ = write!(self.0, "<{name}>{}</{name}>", escape(value));
    }

    /// An element that holds text, if there is any.
    pub(crate) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// An element that holds a number or a truth value.
    pub(crate) fn value(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = write!(self.0, "<{name}>{value}</{name}>");
    }

    /// An ETag, in its quotes.
    pub(crate) fn etag(&mut self, etag: &str) {
        let _ = write!(self.0, "<ETag>&quot;{etag}&quot;</ETag>");
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// The document, its root element closed.
    pub(crate) fn end(mut self, root: &str) -> String {
        self.close(root);
        self.0
    }
}

/// Text as an element may hold it. XML has no control characters but as references, which most
/// parsers refuse; clients ask for `encoding-type=url` where keys may hold them.
fn escape(text: &str) -> Cow<'_, str> {
    let is_special = |c: char| {
        matches!(c, '&' | '<' | '>' | '"' | '\r') || (c.is_control() && c != '\n' && c != '\t')
    };
    if !text.contains(is_special) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if is_special(c) => {
                let _ = write!(escaped, "&#x{:x};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// Reads a document whose root element is `root`.
///
/// A document type, a processing instruction and elements that `T` does not know are refused.
pub(crate) fn read<T: DeserializeOwned>(root: &str, body: &[u8]) -> Result<T> {
    let malformed = |why: String| {
        let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        Fault::new(
            Code::MalformedXML,
            format!("the body is not the XML that the operation takes ({why}); check its shape"),
        )
    };
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Fault::new(
            Code::MissingRequestBodyError,
            "the operation needs a body in XML; send one",
        ));
    }
    let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8".to_owned()))?;
    check_structure(root, text).map_err(malformed)?;
    quick_xml::de::from_str(text).map_err(|error| malformed(error.to_string()))
}

/// Refuses what serde would pass over: another root, a document type, a processing instruction,
/// a second root, text outside the root.
fn check_structure(root: &str, text: &str) -> std::result::Result<(), String> {
    let mut reader = Reader::from_str(text);
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Eof if roots == 1 && depth == 0 => return Ok(()),
            Event::Eof => return Err("it ends early".to_owned()),
            Event::DocType(_) => return Err("it has a document type".to_owned()),
            Event::PI(_) => return Err("it has a processing instruction".to_owned()),
            Event::Start(start) => {
                if depth == 0 {
                    roots += 1;
                    if start.local_name().as_ref() != root.as_bytes() {
                        return Err(format!("its root is not {root}"));
                    }
                }
                depth += 1;
            }
            Event::Empty(start) if depth == 0 => {
                roots += 1;
                if start.local_name().as_ref() != root.as_bytes() {
                    return Err(format!("its root is not {root}"));
                }
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(found) if depth == 0 && !found.iter().all(u8::is_ascii_whitespace) => {
                return Err("it has text outside the root element".to_owned());
            }
            Event::CData(_) | Event::GeneralRef(_) if depth == 0 => {
                return Err("it has text outside the root element".to_owned());
            }
            _ => {}
        }
        if roots > 1 {
            return Err("it has two root elements".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Delete {
        #[serde(rename = "@xmlns", default)]
        _namespace: Option<String>,
        #[serde(rename = "Object", default)]
        objects: Vec<Object>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Object {
        #[serde(rename = "Key")]
        key: String,
    }

    fn keys(xml: &str) -> std::result::Result<Vec<String>, Code> {
        read::<Delete>("Delete", xml.as_bytes())
            .map(|delete| {
                delete
                    .objects
                    .into_iter()
                    .map(|object| object.key)
                    .collect()
            })
            .map_err(|fault| fault.code)
    }

    #[test]
    fn a_key_is_read_whole_cdata_references_and_blanks_included() {
        let key = |inside: &str| {
            keys(&format!(
                "<Delete xmlns=\"x\"><Object><Key>{inside}</Key></Object></Delete>"
            ))
        };
        assert_eq!(key("a<![CDATA[b]]>"), Ok(vec!["ab".to_owned()]));
        assert_eq!(key("<![CDATA[<a>]]>b"), Ok(vec!["<a>b".to_owned()]));
        assert_eq!(key("a&amp;b&#x41;&#66;"), Ok(vec!["a&bAB".to_owned()]));
        assert_eq!(key(" a  b "), Ok(vec![" a  b ".to_owned()]));
        assert_eq!(key("a<!-- c -->b"), Ok(vec!["ab".to_owned()]));
        assert_eq!(key("ü/\u{1F52D}"), Ok(vec!["ü/\u{1F52D}".to_owned()]));
    }

    #[test]
    fn xml_that_a_parser_would_pass_over_is_refused() {
        for bad in [
            "<Delete><Object><Key>a</Key></Object>",
            "<Other><Object><Key>a</Key></Object></Other>",
            "<!DOCTYPE x [<!ENTITY e \"v\">]><Delete><Object><Key>a</Key></Object></Delete>",
            "<Delete><Object><Key>&e;</Key></Object></Delete>",
            "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
            "<Delete><Object><Key>a<b>c</b></Key></Object></Delete>",
            "<Delete><Object><Key>a</Key><Size>1</Size></Object></Delete>",
            "<Delete><Object><Key>a</Key></Object></Delete><Delete></Delete>",
            "<Delete></Delete>x",
            "x<Delete></Delete>",
            "<?php ?><Delete></Delete>",
            "nonsense",
        ] {
            assert_eq!(keys(bad), Err(Code::MalformedXML), "{bad}");
        }
        assert_eq!(keys(" \n"), Err(Code::MissingRequestBodyError));
    }

    #[test]
    fn what_is_written_is_escaped() {
        let mut xml = Writer::rooted("R");
        xml.text("K", "a<b>&\"\u{1}\r\n");
        xml.etag("abc-1");
        xml.value("N", 3);
        assert_eq!(
            xml.end("R"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <K>a&lt;b&gt;&amp;&quot;&#x1;&#xd;\n</K><ETag>&quot;abc-1&quot;</ETag><N>3</N></R>"
        );
    }
}
