//! Bodies that stream, in both directions.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use skykey_s3_client::RequestBody;
use skykey_s3_client::operations::{get_object, put_object};

use crate::server::{Server, Told, bucket, credentials};

const LONG: usize = 3 << 20;

#[tokio::test]
async fn a_range_of_a_file_goes_out_with_its_length_and_without_its_hash() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![b'x'; LONG]).unwrap();
    file.write_all(b"end").unwrap();
    let server = Server::start(|_| Told::ok("").with("etag: \"e\"\r\n")).await;
    let put = put_object::request(&bucket(), "a", "");
    let body = RequestBody::file(Arc::new(file), 3, LONG as u64);
    let opened = server.client.stream(&credentials("ak"), &put, body).await;
    let opened = opened.unwrap();
    assert_eq!(opened.headers["etag"], "\"e\"");
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.header("content-length"), Some("3145728"));
    assert_eq!(asked.header("transfer-encoding"), None);
    assert_eq!(
        asked.header("x-amz-content-sha256"),
        Some("unsigned-payload")
    );
    assert_eq!(asked.body.len(), LONG);
    assert!(asked.body.ends_with(b"xend"));
}

#[tokio::test]
async fn a_hash_that_is_known_is_signed() {
    let server = Server::start(|_| Told::ok("")).await;
    let put = put_object::request(&bucket(), "a", "").payload_sha256("abc123");
    let body = RequestBody::from(Bytes::from_static(b"stamp"));
    let opened = server.client.stream(&credentials("ak"), &put, body).await;
    assert!(opened.unwrap().is_success());
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.header("x-amz-content-sha256"), Some("abc123"));
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error_and_not_a_shorter_object() {
    let server = Server::start(|_| Told::ok("")).await;
    let put = put_object::request(&bucket(), "a", "");
    let short = RequestBody::from(Bytes::from_static(b"stamp"));
    let body = RequestBody::wrap(short, 6);
    let failed = server.client.stream(&credentials("ak"), &put, body).await;
    assert!(failed.is_err());
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn an_answer_streams_on_into_a_request() {
    let stored = vec![b'y'; LONG];
    let held = stored.clone();
    let server = Server::start(move |asked| {
        if asked.line.starts_with("GET") {
            Told::ok(&held)
        } else {
            Told::ok("")
        }
    })
    .await;
    let get = get_object::request(&bucket(), "a");
    let opened = server.client.open(&credentials("ak"), &get).await.unwrap();
    let body = RequestBody::relay(opened.into_body(), LONG as u64);
    let put = put_object::request(&bucket(), "b", "");
    let put = server.client.stream(&credentials("ak"), &put, body).await;
    assert!(put.unwrap().is_success());
    assert_eq!(server.asked().pop().unwrap().body, stored);
}
