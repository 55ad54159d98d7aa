//! Any request is read or refused without a panic, and none is verified under a secret that did not
//! sign it. The input: method, path, query and headers, a line each.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use skykey_sigv4::{Head, Presented, Query};
use skykey_types::Secret;

/// Reads one input. Returns the outcome in words, so that new ones can be kept.
pub(crate) fn check(input: &[u8]) -> String {
    let mut lines = input.split(|byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let method: Method = text().parse().unwrap_or_default();
    let (path, query) = (text(), text());
    let headers: HeaderMap = lines
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(at);
            let name = HeaderName::from_bytes(name).ok()?;
            Some((name, HeaderValue::from_bytes(&value[1..]).ok()?))
        })
        .collect();
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(refusal) => return format!("{refusal:?}"),
    };
    for (name, value) in query.iter() {
        assert_eq!(query.get(name), Some(value));
    }
    let head = Head {
        method: &method,
        path,
        query: &query,
        headers: &headers,
    };
    match Presented::read(head) {
        Ok(Some(presented)) => {
            let body = skykey_sigv4::sha256(b"body");
            let secret = Secret::new("no input is signed with this");
            let refusal = presented
                .verify(&secret, presented.time(), Some(&body))
                .expect_err("nothing signed it");
            assert!(!refusal.to_string().is_empty());
            format!("read, {refusal:?}")
        }
        Ok(None) => "not signed".to_owned(),
        Err(refusal) => {
            assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty());
            format!("{refusal:?}")
        }
    }
}
