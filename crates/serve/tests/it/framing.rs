//! Requests whose length can be read in two ways, as bytes: what one side takes for a body, another
//! may take for the next request (RFC 9112 §11.2). None may leave bytes on the connection for the
//! proxy's next request.

use skykey_serve::ServeSettings;

use crate::site::{Site, header};

/// The smuggled bytes: a server that uses the other length reads them as a request.
const NEXT: &str = "GET /who HTTP/1.1\r\nhost: x\r\n\r\n";

async fn answer_to(headers: &str, body: &str) -> String {
    let site = Site::open(ServeSettings::default()).await;
    site.say(&format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}{NEXT}"
    ))
    .await
}

/// RFC 9112 §6.1: the chunks count alone, and the connection must be closed after the answer. hyper does both, and
/// hides the length, so that it cannot be refused with 400 without a second parser beside hyper's, which is what
/// smuggling lives on.
#[tokio::test]
async fn of_a_length_and_chunks_the_chunks_count_and_the_connection_ends() {
    let chunks = "4\r\nbody\r\n0\r\n\r\n";
    for headers in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "content-length: 0\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 9999\r\n",
        "content-length: 4\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n",
        "connection: keep-alive\r\ncontent-length: 4\r\nTransfer-Encoding: Chunked\r\n",
    ] {
        let answer = answer_to(headers, chunks).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        if answer.starts_with("HTTP/1.1 200") {
            assert!(answer.ends_with("body"), "{answer}");
            assert_eq!(header(&answer, "connection"), Some("close"), "{answer}");
        } else {
            assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_length_that_cannot_be_believed_is_refused_and_the_connection_ends() {
    for headers in [
        "content-length: 4\r\ncontent-length: 5\r\n",
        "content-length: 4, 5\r\n",
        "content-length: +4\r\n",
        "content-length: -1\r\n",
        "content-length: 0x4\r\n",
        "content-length: 99999999999999999999999\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding : chunked\r\n",
    ] {
        let answer = answer_to(headers, "body").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{headers}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn chunks_that_are_none_end_the_connection() {
    for chunks in [
        "zz\r\nbody\r\n",
        "4\nbody\n0\n\n",
        "-4\r\nbody\r\n0\r\n\r\n",
    ] {
        let answer = answer_to("transfer-encoding: chunked\r\n", chunks).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{answer}");
    }
}

/// The tests above would see it if one was left: two that can be read in one way only have two answers.
#[tokio::test]
async fn two_requests_of_which_each_says_its_length_have_two_answers() {
    let next = NEXT.replace("host: x", "host: x\r\nconnection: close");
    for (headers, body) in [
        ("content-length: 4\r\n", "body"),
        ("transfer-encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
    ] {
        let site = Site::open(ServeSettings::default()).await;
        let answer = site
            .say(&format!(
                "POST /echo HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}{next}"
            ))
            .await;
        assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    }
}
