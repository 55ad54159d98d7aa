//! Any request is read or refused without a panic, and none is verified under a secret that did not
//! sign it. The input: method, path, query and headers, a line each.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use skykey_sigv4::{Head, Presented, Query};
use skykey_types::Secret;

fuzz_target!(|input: &[u8]| {
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
    let Ok(query) = Query::parse(query) else {
        return;
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
        }
        Ok(None) => {}
        Err(refusal) => assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty()),
    }
});
