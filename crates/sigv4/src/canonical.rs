//! The canonical request: one spelling for every request.

use std::borrow::Cow;
use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// All but the unreserved characters of RFC 3986.
pub(crate) const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const RESERVED_IN_PATH: AsciiSet = RESERVED.remove(b'/');

/// A request as far as it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, in capitals.
    pub method: &'a str,
    /// The path as it stands on the wire, percent-encoded, without the query.
    pub path: &'a str,
    /// The query as it stands on the wire, without the `?`; empty if there is none.
    pub query: &'a str,
    /// The signed headers, in any order and case; one that occurs twice is given twice. `host`
    /// is one of them.
    pub headers: &'a [(&'a str, &'a str)],
    /// What `x-amz-content-sha256` says, or the SHA-256 of the payload in hexadecimal.
    pub payload_hash: &'a str,
}

/// The canonical request, from the method to the payload's hash.
///
/// Path and query are decoded and encoded again, so that requests which mean the same are the
/// same; `+` in a query is a blank. A query parameter `X-Amz-Signature` (it is what a presigned
/// request adds after signing) is left out. Blanks in header values are trimmed and runs of
/// them count as one.
pub fn canonical_request(request: &Request<'_>) -> String {
    let headers = canonical_headers(request.headers);
    let mut text = String::with_capacity(512);
    let _ = writeln!(text, "{}", request.method);
    push_path(&mut text, request.path);
    let _ = write!(text, "\n{}\n", canonical_query(request.query));
    for (name, value) in &headers {
        let _ = writeln!(text, "{name}:{value}");
    }
    text.push('\n');
    push_names(&mut text, &headers);
    text.push('\n');
    text.push_str(request.payload_hash);
    text
}

/// Encodes everything but the unreserved characters of RFC 3986, as AWS's `UriEncode`.
pub fn uri_encode(text: &str) -> String {
    percent_encode(text.as_bytes(), &RESERVED).to_string()
}

/// A query from decoded names and values, in their order.
pub fn encode_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        let mark = if query.is_empty() { "" } else { "&" };
        let _ = write!(query, "{mark}{}={}", uri_encode(name), uri_encode(value));
    }
    query
}

/// Writes a path as S3 signs it: decoded and encoded once, not normalised. A malformed escape
/// counts as the characters that it consists of.
pub(crate) fn push_path(text: &mut String, path: &str) {
    let path = if path.is_empty() { "/" } else { path };
    let path: Cow<'_, [u8]> = percent_decode_str(path).into();
    text.extend(percent_encode(&path, &RESERVED_IN_PATH));
}

/// The names of `headers` as they stand in `SignedHeaders`.
pub(crate) fn signed_headers(headers: &[(&str, &str)]) -> String {
    let mut names = String::new();
    push_names(&mut names, &canonical_headers(headers));
    names
}

pub(crate) fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .filter(|(name, _)| name != "X-Amz-Signature")
        .collect();
    pairs.sort_unstable();
    let mut text = String::with_capacity(query.len() + 16);
    for (name, value) in &pairs {
        let mark = if text.is_empty() { "" } else { "&" };
        let _ = write!(text, "{mark}{name}={value}");
    }
    text
}

fn recode(part: &str) -> String {
    let part = if part.contains('+') {
        Cow::Owned(part.replace('+', " "))
    } else {
        Cow::Borrowed(part)
    };
    let bytes: Cow<'_, [u8]> = percent_decode_str(&part).into();
    percent_encode(&bytes, &RESERVED).to_string()
}

/// Names in lower case, sorted and each once; the values of one name joined in their order.
fn canonical_headers(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut named: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), trimmed(value)))
        .collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    named.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1.push(',');
            earlier.1.push_str(&later.1);
        }
        same
    });
    named
}

fn trimmed(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for word in value.split_ascii_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

fn push_names(text: &mut String, headers: &[(String, String)]) {
    for (index, (name, _)) in headers.iter().enumerate() {
        if index > 0 {
            text.push(';');
        }
        text.push_str(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(path: &str, query: &str) -> String {
        let headers = [("host", "h")];
        canonical_request(&Request {
            method: "GET",
            path,
            query,
            headers: &headers,
            payload_hash: "x",
        })
    }

    #[test]
    fn requests_that_mean_the_same_are_the_same() {
        assert_eq!(
            canonical("/a%20b/c=d", "b=2&a=x+y"),
            canonical("/a b/c%3dd", "a=x%20y&b=2")
        );
        assert_eq!(canonical("", ""), canonical("/", ""));
        assert_eq!(canonical("/", "lifecycle"), canonical("/", "lifecycle="));
        assert_ne!(canonical("/a//b", ""), canonical("/a/b", ""));
        assert_ne!(canonical("/a/../b", ""), canonical("/b", ""));
    }

    #[test]
    fn headers_are_sorted_joined_and_trimmed() {
        let headers = [("My-Header", " b   c "), ("host", "h"), ("my-header", "a")];
        let request = Request {
            method: "GET",
            path: "/",
            query: "",
            headers: &headers,
            payload_hash: "x",
        };
        assert_eq!(
            canonical_request(&request),
            "GET\n/\n\nhost:h\nmy-header:b c,a\n\nhost;my-header\nx"
        );
    }

    #[test]
    fn malformed_escapes_and_foreign_bytes_do_no_harm() {
        assert!(canonical("/%", "%=%zz&=&&a").starts_with("GET\n/%25\n=&%25=%25zz&a=\n"));
        assert!(canonical("/%ff", "").starts_with("GET\n/%FF\n"));
    }
}
