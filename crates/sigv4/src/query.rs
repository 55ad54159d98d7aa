//! The query of a request, decoded.

use std::borrow::Cow;
use std::fmt::{self, Write};

use percent_encoding::percent_encode;

use crate::Refusal;
use crate::canonical::RESERVED;
use crate::refusal::shortened;

/// What a presigned request adds after signing.
const SIGNATURE: &str = "X-Amz-Signature";

/// A request's query, percent-decoded once. Each name occurs once; the pairs are sorted by name.
///
/// `+` is a blank, as AWS has it. A parameter without `=` has an empty value, empty
/// pairs (`a&&b`) are skipped. What is not escaped is borrowed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Decodes a query as it stands on the wire, without the `?`.
    ///
    /// Fails with [`Refusal::InvalidQuery`] for a `%` without two hexadecimal digits and for bytes
    /// that are not UTF-8, with [`Refusal::RepeatedParameter`] for a name that occurs twice.
    pub fn parse(raw: &'a str) -> Result<Self, Refusal> {
        let mut pairs = Vec::with_capacity(if raw.is_empty() { 0 } else { 8 });
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        match pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(twice) => Err(Refusal::RepeatedParameter(shortened(&twice[0].0))),
            None => Ok(Self(pairs)),
        }
    }

    /// Returns the value of the parameter `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let index = self
            .0
            .binary_search_by(|(found, _)| found.as_ref().cmp(name))
            .ok()?;
        self.0.get(index).map(|(_, value)| value.as_ref())
    }

    /// Returns whether there is a parameter `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the decoded pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + '_ {
        self.0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Returns the number of parameters.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Copies what is borrowed.
    pub fn into_owned(self) -> Query<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Query(
            self.0
                .into_iter()
                .map(|(name, value)| (owned(name), owned(value)))
                .collect(),
        )
    }

    /// Writes the canonical query: encoded, sorted by encoded name, without the signature.
    pub(crate) fn push_canonical(&self, text: &mut String) {
        let pairs = || self.iter().filter(|(name, _)| *name != SIGNATURE);
        // Encoding changes the order only where it changes a name.
        if self
            .0
            .iter()
            .all(|(name, _)| name.bytes().all(is_unreserved))
        {
            push_pairs(text, pairs());
        } else {
            let mut encoded: Vec<(String, &str)> = pairs()
                .map(|(name, value)| {
                    (
                        percent_encode(name.as_bytes(), &RESERVED).to_string(),
                        value,
                    )
                })
                .collect();
            encoded.sort_unstable();
            push_pairs(
                text,
                encoded.iter().map(|(name, value)| (name.as_str(), *value)),
            );
        }
    }
}

impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| match name {
            SIGNATURE | "X-Amz-Security-Token" => (name, "[redacted]"),
            _ => (name, value),
        });
        f.debug_map().entries(shown).finish()
    }
}

/// Writes pairs whose names are encoded and whose values are not.
fn push_pairs<'p>(text: &mut String, pairs: impl Iterator<Item = (&'p str, &'p str)>) {
    for (index, (name, value)) in pairs.enumerate() {
        let mark = if index == 0 { "" } else { "&" };
        let value = percent_encode(value.as_bytes(), &RESERVED);
        // Writing to a string cannot fail.
        let _ = write!(text, "{mark}{name}={value}");
    }
}

/// Returns whether a byte stays as it is in a canonical request.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn decode(text: &str) -> Result<Cow<'_, str>, Refusal> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                high.zip(low)
                    .map(|(high, low)| high << 4 | low)
                    .ok_or(Refusal::InvalidQuery)?
            }
            other => other,
        });
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| Refusal::InvalidQuery)
}

fn digit(byte: Option<u8>) -> Option<u8> {
    match byte? {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        byte @ b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(raw: &str) -> String {
        let mut text = String::new();
        Query::parse(raw).unwrap().push_canonical(&mut text);
        text
    }

    #[test]
    fn a_query_is_decoded_once_and_borrows_what_is_not_escaped() {
        let query = Query::parse("prefix=a%2Fb+c%2B&&list-type=2&acl").unwrap();
        assert_eq!(query.get("prefix"), Some("a/b c+"));
        assert_eq!(query.get("list-type"), Some("2"));
        assert_eq!(query.get("acl"), Some(""));
        assert_eq!(query.get("list"), None);
        assert!(query.contains("acl") && !query.is_empty());
        let pairs: Vec<_> = query.iter().collect();
        assert_eq!(
            pairs,
            [("acl", ""), ("list-type", "2"), ("prefix", "a/b c+")]
        );
        assert!(matches!(query.0[1].1, Cow::Borrowed("2")));
        assert_eq!(query.clone().into_owned(), query);
        assert!(Query::parse("").unwrap().is_empty());
        assert_eq!(Query::parse("a=b=c").unwrap().get("a"), Some("b=c"));
    }

    #[test]
    fn a_query_does_not_show_its_signature_nor_its_token() {
        let query = Query::parse("X-Amz-Signature=secret&X-Amz-Security-Token=secret&a=b").unwrap();
        let shown = format!("{query:?}");
        assert!(shown.contains(r#""a": "b""#) && !shown.contains("secret"));
    }

    #[test]
    fn a_bad_escape_is_refused() {
        for bad in ["%", "a=%2", "a=%zz", "a=%+1", "%g0=b", "a=100%"] {
            assert_eq!(Query::parse(bad), Err(Refusal::InvalidQuery), "{bad}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        for bad in ["a=%ff", "%C3=x", "a=%ED%A0%80"] {
            assert_eq!(Query::parse(bad), Err(Refusal::InvalidQuery), "{bad}");
        }
        assert_eq!(Query::parse("a=%C3%A9").unwrap().get("a"), Some("é"));
    }

    #[test]
    fn a_parameter_that_occurs_twice_is_refused() {
        for bad in ["prefix=a&prefix=b", "prefix=a&b=c&%70refix=a", "acl&acl"] {
            assert!(matches!(
                Query::parse(bad),
                Err(Refusal::RepeatedParameter(_))
            ));
        }
        assert!(Query::parse("prefix=a&Prefix=a").is_ok());
    }

    #[test]
    fn the_canonical_query_is_sorted_by_encoded_name() {
        assert_eq!(canonical("b=2&a=x+y&c"), "a=x%20y&b=2&c=");
        // Decoded, '{' comes after 'z'; encoded, before it.
        assert_eq!(canonical("z=1&%7B=2"), "%7B=2&z=1");
        assert_eq!(canonical("a-=1&a=2"), "a=2&a-=1");
        assert_eq!(canonical("X-Amz-Signature=0&a="), "a=");
        assert_eq!(canonical("X-Amz-Signature=0&%C3%A9=~"), "%C3%A9=~");
        assert_eq!(canonical(""), "");
    }
}
