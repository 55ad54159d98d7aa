//! Multipart uploads.

use skykey_types::Credentials;

use crate::world::{Answer, TestEndpoint, ask};

/// The least size of a part that is not the last.
const PART_BYTES: usize = 5 << 20;

async fn begin(endpoint: &TestEndpoint, curator: &Credentials) -> String {
    let answer = endpoint.send(curator, ask("POST /demo/a?uploads=")).await;
    answer.element("UploadId").to_owned()
}

/// Uploads a part. Returns its ETag.
async fn part(
    endpoint: &TestEndpoint,
    curator: &Credentials,
    id: &str,
    number: u32,
    body: Vec<u8>,
) -> String {
    let line = format!("PUT /demo/a?partNumber={number}&uploadId={id}");
    let answer = endpoint.send(curator, ask(&line).body(body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("etag").to_owned()
}

async fn complete(
    endpoint: &TestEndpoint,
    curator: &Credentials,
    id: &str,
    parts: &[(u32, &str)],
) -> Answer {
    let parts: Vec<String> = parts
        .iter()
        .map(|(number, etag)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        })
        .collect();
    let parts = parts.concat();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let line = format!("POST /demo/a?uploadId={id}");
    endpoint.send(curator, ask(&line).body(body)).await
}

#[tokio::test]
async fn parts_become_an_object_when_they_are_completed() {
    let endpoint = TestEndpoint::start().await;
    let curator = endpoint.curator().await;
    let id = begin(&endpoint, &curator).await;
    let second = part(&endpoint, &curator, &id, 2, b"end".to_vec()).await;
    let first = part(&endpoint, &curator, &id, 1, vec![b'a'; PART_BYTES]).await;
    let listed = endpoint
        .send(&curator, ask(&format!("GET /demo/a?uploadId={id}")))
        .await;
    assert_eq!(listed.elements("PartNumber"), ["1", "2"]);
    assert_eq!(
        endpoint.send(&curator, ask("HEAD /demo/a")).await.status,
        404
    );
    for (parts, code) in [
        (&[][..], "MalformedXML"),
        (&[(2, &*second), (1, &*first)], "InvalidPartOrder"),
        (&[(1, &first), (3, &second)], "InvalidPart"),
        (&[(1, "\"other\""), (2, &second)], "InvalidPart"),
    ] {
        let answer = complete(&endpoint, &curator, &id, parts).await;
        assert_eq!(answer.error(), (400, code), "{parts:?}");
    }
    let done = complete(&endpoint, &curator, &id, &[(1, &first), (2, &second)]).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(
        done.element("ETag").ends_with("-2&quot;") || done.element("ETag").ends_with("-2\""),
        "{done:?}"
    );
    let tail = ask("GET /demo/a").header("range", "bytes=-4");
    assert_eq!(endpoint.send(&curator, tail).await.text(), "aend");
    let again = begin(&endpoint, &curator).await;
    assert_ne!(again, id);
}

#[tokio::test]
async fn an_upload_that_is_aborted_or_unknown_takes_nothing() {
    let endpoint = TestEndpoint::start().await;
    let curator = endpoint.curator().await;
    let id = begin(&endpoint, &curator).await;
    let etag = part(&endpoint, &curator, &id, 1, b"x".to_vec()).await;
    let uploads = endpoint.send(&curator, ask("GET /demo?uploads=")).await;
    assert_eq!(uploads.element("UploadId"), id);
    let abort = format!("DELETE /demo/a?uploadId={id}");
    assert_eq!(endpoint.send(&curator, ask(&abort)).await.status, 204);
    let line = format!("PUT /demo/a?partNumber=1&uploadId={id}");
    let late = endpoint.send(&curator, ask(&line).body("x")).await;
    assert_eq!(late.error(), (404, "NoSuchUpload"));
    let late = complete(&endpoint, &curator, &id, &[(1, &etag)]).await;
    assert_eq!(late.error(), (404, "NoSuchUpload"));
    let uploads = endpoint.send(&curator, ask("GET /demo?uploads=")).await;
    assert!(uploads.elements("UploadId").is_empty(), "{uploads:?}");
}

#[tokio::test]
async fn a_part_that_is_too_small_or_has_a_wrong_number_is_refused() {
    let endpoint = TestEndpoint::start().await;
    let curator = endpoint.curator().await;
    let id = begin(&endpoint, &curator).await;
    for number in ["0", "10001", "-1", "one"] {
        let line = format!("PUT /demo/a?partNumber={number}&uploadId={id}");
        let answer = endpoint.send(&curator, ask(&line).body("x")).await;
        assert_eq!(answer.error(), (400, "InvalidArgument"), "{number}");
    }
    let first = part(&endpoint, &curator, &id, 1, b"short".to_vec()).await;
    let second = part(&endpoint, &curator, &id, 2, b"end".to_vec()).await;
    let answer = complete(&endpoint, &curator, &id, &[(1, &first), (2, &second)]).await;
    assert_eq!(answer.error(), (400, "EntityTooSmall"));
}
