//! Writes: bodies that are verified, conditions, copies, deletions.

use skykey_types::Credentials;

use crate::world::{TestEndpoint, ask};

/// What the object `a` holds; `None` if it does not exist.
async fn stored(endpoint: &TestEndpoint, reader: &Credentials) -> Option<String> {
    let answer = endpoint.send(reader, ask("GET /demo/a")).await;
    (answer.status == 200).then(|| answer.text().to_owned())
}

#[tokio::test]
async fn a_body_that_is_not_the_signed_one_is_not_stored() {
    let endpoint = TestEndpoint::start().await;
    let (curator, reader) = (endpoint.curator().await, endpoint.reader().await);
    let mut changed = ask("PUT /demo/a")
        .body("image")
        .signed(&curator, endpoint.world.now());
    changed.body = "virus".into();
    let answer = endpoint.send_as_it_is(changed).await;
    assert_eq!(answer.error(), (400, "XAmzContentSHA256Mismatch"));
    for (name, value) in [
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    ] {
        let put = ask("PUT /demo/a").header(name, value).body("image");
        let answer = endpoint.send(&curator, put).await;
        assert_eq!(answer.error(), (400, "BadDigest"), "{name}");
    }
    assert_eq!(stored(&endpoint, &reader).await, None);
}

#[tokio::test]
async fn a_write_keeps_its_condition_and_its_headers() {
    let endpoint = TestEndpoint::start().await;
    let (curator, reader) = (endpoint.curator().await, endpoint.reader().await);
    let put = |name, value, body: &'static str| ask("PUT /demo/a").header(name, value).body(body);
    let answer = endpoint
        .send(&curator, put("if-none-match", "*", "first"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let etag = answer.header("etag").to_owned();
    for (name, value) in [("if-none-match", "*"), ("if-match", "\"other\"")] {
        let answer = endpoint.send(&curator, put(name, value, "second")).await;
        assert_eq!(
            answer.error(),
            (412, "PreconditionFailed"),
            "{name}: {value}"
        );
    }
    assert_eq!(stored(&endpoint, &reader).await.as_deref(), Some("first"));
    let third = put("if-match", &etag, "third")
        .header("content-type", "image/fits")
        .header("x-amz-meta-band", "r");
    assert_eq!(endpoint.send(&curator, third).await.status, 200);
    let head = endpoint.send(&reader, ask("HEAD /demo/a")).await;
    assert_eq!(head.header("content-type"), "image/fits");
    assert_eq!(head.header("x-amz-meta-band"), "r");
    assert_eq!(stored(&endpoint, &reader).await.as_deref(), Some("third"));
}

#[tokio::test]
async fn a_copy_needs_the_right_to_read_its_source() {
    let endpoint = TestEndpoint::start().await;
    endpoint.put("a", "image").await;
    let curator = endpoint.curator().await;
    let copy = |source| ask("PUT /demo/b").header("x-amz-copy-source", source);
    for (source, expected) in [
        ("plain/a", (403, "AccessDenied")),
        ("demo/none", (404, "NoSuchKey")),
        ("demo", (400, "InvalidArgument")),
        ("demo/a?versionId=1", (404, "NoSuchVersion")),
    ] {
        let answer = endpoint.send(&curator, copy(source)).await;
        assert_eq!(answer.error(), expected, "{source}");
    }
    assert_eq!(endpoint.send(&curator, copy("/demo/a")).await.status, 200);
    let read = endpoint.send(&curator, ask("GET /demo/b")).await;
    assert_eq!(read.text(), "image");
}

#[tokio::test]
async fn a_deletion_of_many_judges_each_key() {
    let endpoint = TestEndpoint::start().await;
    for key in ["a", "b"] {
        endpoint.put(key, "x").await;
    }
    let curator = endpoint.curator().await;
    let body = "<Delete><Object><Key>a</Key></Object><Object><Key>none</Key></Object>\
                <Object><Key>b</Key><ETag>\"other\"</ETag></Object></Delete>";
    let answer = endpoint
        .send(&curator, ask("POST /demo?delete=").body(body))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.elements("Deleted"),
        ["<Key>a</Key>", "<Key>none</Key>"]
    );
    assert_eq!(answer.element("Code"), "PreconditionFailed");
    let left = endpoint.send(&curator, ask("GET /demo")).await;
    assert_eq!(left.elements("Key"), ["b"]);
    for (body, code) in [
        ("", "MissingRequestBodyError"),
        ("<Delete></Delete>", "MalformedXML"),
        ("<Delete><Object>", "MalformedXML"),
        ("nonsense", "MalformedXML"),
    ] {
        let answer = endpoint
            .send(&curator, ask("POST /demo?delete=").body(body))
            .await;
        assert_eq!(answer.error(), (400, code), "{body:?}");
    }
}
