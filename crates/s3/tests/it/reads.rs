//! Reads: ranges, conditions, listings, errors.

use crate::world::{TestEndpoint, ask};

#[tokio::test]
async fn a_range_reads_its_bytes_and_says_where_they_are() {
    let endpoint = TestEndpoint::start().await;
    endpoint.put("a", "0123456789").await;
    let reader = endpoint.reader().await;
    for (range, status, body, place) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=-99", 206, "0123456789", "bytes 0-9/10"),
        // What cannot be read is ignored.
        ("bytes=4-2", 200, "0123456789", ""),
        ("lines=1-2", 200, "0123456789", ""),
        ("bytes=0-1,3-4", 200, "0123456789", ""),
    ] {
        let answer = endpoint
            .send(&reader, ask("GET /demo/a").header("range", range))
            .await;
        assert_eq!((answer.status, answer.text()), (status, body), "{range}");
        assert_eq!(answer.header("content-range"), place, "{range}");
        let head = endpoint
            .send(&reader, ask("HEAD /demo/a").header("range", range))
            .await;
        assert_eq!((head.status, head.body.len()), (status, 0), "HEAD {range}");
    }
    let beyond = ask("GET /demo/a").header("range", "bytes=10-");
    let answer = endpoint.send(&reader, beyond).await;
    assert_eq!(answer.error(), (416, "InvalidRange"));
    assert_eq!(answer.header("content-range"), "bytes */10");
}

#[tokio::test]
async fn conditions_are_judged_before_a_byte_is_read() {
    let endpoint = TestEndpoint::start().await;
    endpoint.put("a", "image").await;
    let reader = endpoint.reader().await;
    let head = endpoint.send(&reader, ask("HEAD /demo/a")).await;
    let (etag, modified) = (head.header("etag"), head.header("last-modified"));
    let before = "Thu, 31 Dec 2026 00:00:00 GMT";
    for (name, value, status) in [
        ("if-match", etag, 200),
        ("if-match", "*", 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", etag, 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", modified, 304),
        ("if-modified-since", before, 200),
        ("if-unmodified-since", modified, 200),
        ("if-unmodified-since", before, 412),
    ] {
        for method in ["GET", "HEAD"] {
            let request = ask(&format!("{method} /demo/a")).header(name, value);
            let answer = endpoint.send(&reader, request).await;
            assert_eq!(answer.status, status, "{method} {name}: {value}");
        }
    }
}

#[tokio::test]
async fn a_listing_has_its_objects_before_its_common_prefixes() {
    let endpoint = TestEndpoint::start().await;
    for key in ["a", "b/x", "c"] {
        endpoint.put(key, "x").await;
    }
    let reader = endpoint.reader().await;
    for version in ["", "list-type=2&"] {
        let line = format!("GET /demo?{version}delimiter=%2F");
        let listing = endpoint.send(&reader, ask(&line)).await;
        assert_eq!(listing.elements("Key"), ["a", "c"]);
        let (_, after) = listing.text().split_once("<CommonPrefixes>").unwrap();
        assert!(!after.contains("<Contents>"), "{listing:?}");
    }
}

#[tokio::test]
async fn a_listing_pages_through_keys_and_common_prefixes() {
    let endpoint = TestEndpoint::start().await;
    for key in ["a", "dp1/1", "dp1/2", "dp2/1", "z"] {
        endpoint.put(key, "x").await;
    }
    let reader = endpoint.reader().await;
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let line = format!("GET /demo?list-type=2&delimiter=%2F&max-keys=1{token}");
        let page = endpoint.send(&reader, ask(&line)).await;
        assert_eq!(page.element("KeyCount"), "1", "{page:?}");
        found.extend(page.elements("Key").into_iter().map(str::to_owned));
        let prefixes = page.elements("CommonPrefixes");
        found.extend(
            prefixes
                .into_iter()
                .map(|text| text.replace("<Prefix>", "").replace("</Prefix>", "")),
        );
        if page.element("IsTruncated") == "false" {
            break;
        }
        token = format!(
            "&continuation-token={}",
            page.element("NextContinuationToken")
        );
    }
    assert_eq!(found, ["a", "dp1/", "dp2/", "z"]);
    let below = endpoint.send(&reader, ask("GET /demo?prefix=dp1%2F")).await;
    assert_eq!(below.elements("Key"), ["dp1/1", "dp1/2"]);
    let foreign = ask("GET /demo?list-type=2&continuation-token=guessed");
    assert_eq!(
        endpoint.send(&reader, foreign).await.error(),
        (400, "InvalidArgument")
    );
    let buckets = endpoint.send(&reader, ask("GET /")).await;
    assert_eq!(
        buckets.elements("Name"),
        ["demo"],
        "only what the lease reaches"
    );
}

#[tokio::test]
async fn an_error_names_its_code_resource_and_request() {
    let endpoint = TestEndpoint::start().await;
    let reader = endpoint.reader().await;
    for (line, expected) in [
        ("GET /demo/none", (404, "NoSuchKey")),
        ("PUT /demo/a", (403, "AccessDenied")),
        ("GET /demo/a?versionId=1", (404, "NoSuchVersion")),
        ("GET /demo/a?unknown=1", (501, "NotImplemented")),
        ("GET /demo/a?uploadId=1&uploadId=2", (400, "InvalidRequest")),
    ] {
        let answer = endpoint.send(&reader, ask(line)).await;
        assert_eq!(answer.error(), expected, "{line}: {answer:?}");
        assert_eq!(answer.element("RequestId"), answer.id, "{line}");
        let path = line.split([' ', '?']).nth(1).unwrap();
        assert_eq!(answer.element("Resource"), path, "{line}");
        assert_eq!(answer.header("content-type"), "application/xml", "{line}");
    }
    let head = endpoint.send(&reader, ask("HEAD /demo/none")).await;
    assert_eq!(
        (head.status, head.body.len()),
        (404, 0),
        "a HEAD has no body"
    );
}
