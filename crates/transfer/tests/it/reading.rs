//! Reading continues the same object after a broken connection, and detects damage.

use std::sync::atomic::{AtomicUsize, Ordering};

use skykey_transfer::ObjectError;

use crate::server::{Server, Told, at, content, object};

async fn read(server: &Server) -> Result<Vec<u8>, ObjectError> {
    let mut reading = server.objects.read(&at("s3://m13/a b.fits")).await?;
    let mut all = Vec::new();
    while let Some(bytes) = reading.chunk().await? {
        all.extend_from_slice(&bytes);
    }
    assert_eq!(u64::try_from(all.len()).unwrap(), reading.size());
    Ok(all)
}

#[tokio::test]
async fn an_object_is_read_whole() {
    let whole = content(100_000);
    let held = whole.clone();
    let server = Server::start(move |asked| object(asked, &held)).await;
    assert_eq!(read(&server).await.unwrap(), whole);
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, "GET /m13/a%20b.fits");
    assert_eq!(asked[0].key(), "ak1");
}

#[tokio::test]
async fn an_empty_object_is_read() {
    let server = Server::start(|asked| object(asked, b"")).await;
    assert_eq!(read(&server).await.unwrap(), b"");
}

#[tokio::test]
async fn a_connection_that_breaks_is_taken_up_where_it_was() {
    let whole = content(100_000);
    let held = whole.clone();
    let server = Server::start(move |asked| {
        let begin = asked.header("range").map_or(0, |range| {
            range
                .trim_matches(|c: char| !c.is_ascii_digit())
                .parse()
                .unwrap()
        });
        Told {
            // Three times, each time further on.
            breaks_after: (begin < 60_000).then_some(20_000),
            ..object(asked, &held)
        }
    })
    .await;
    assert_eq!(read(&server).await.unwrap(), whole);
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[1].header("range"), Some("bytes=20000-"));
    assert!(asked[1].header("if-match").is_some());
}

#[tokio::test]
async fn a_store_that_is_in_trouble_is_asked_again() {
    let whole = content(1000);
    let (held, times) = (whole.clone(), AtomicUsize::new(0));
    let server = Server::start(move |asked| match times.fetch_add(1, Ordering::SeqCst) {
        0 => Told::error(503, "SlowDown"),
        1 => Told {
            breaks_after: Some(10),
            ..object(asked, &held)
        },
        2 => Told::error(500, "InternalError"),
        _ => object(asked, &held),
    })
    .await;
    assert_eq!(read(&server).await.unwrap(), whole);
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_is_read_from_the_beginning_again() {
    let whole = content(5000);
    let (held, times) = (whole.clone(), AtomicUsize::new(0));
    let server = Server::start(move |asked| {
        let mut asked = asked.clone();
        asked.head = String::new();
        Told {
            breaks_after: (times.fetch_add(1, Ordering::SeqCst) == 0).then_some(3000),
            ..object(&asked, &held)
        }
    })
    .await;
    assert_eq!(read(&server).await.unwrap(), whole);
}

#[tokio::test]
async fn an_object_that_was_replaced_in_between_is_not_mixed() {
    let times = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        let first = times.fetch_add(1, Ordering::SeqCst) == 0;
        let held = content(if first { 1000 } else { 1001 });
        Told {
            breaks_after: first.then_some(500),
            ..object(asked, &held)
        }
    })
    .await;
    let failed = read(&server).await.unwrap_err();
    assert_eq!(failed, ObjectError::Replaced(at("s3://m13/a b.fits")));
    assert_eq!(failed.hint(), "try it again");
}

#[tokio::test]
async fn bytes_that_are_not_those_of_the_etag_are_damage() {
    let server = Server::start(|asked| {
        let mut told = object(asked, &content(1000));
        told.body[500] = b'!';
        told
    })
    .await;
    let failed = read(&server).await.unwrap_err();
    assert!(matches!(&failed, ObjectError::Damaged { .. }), "{failed}");
    assert!(failed.to_string().contains("MD5"), "{failed}");
}

#[tokio::test]
async fn an_etag_that_is_no_md5_says_nothing_of_the_bytes() {
    for headers in [
        "etag: \"d41d8cd98f00b204e9800998ecf8427e-2\"\r\n",
        "etag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\nx-amz-server-side-encryption: aws:kms\r\n",
        "",
    ] {
        let server = Server::start(move |asked| Told {
            headers: headers.to_owned(),
            ..object(asked, &content(1000))
        })
        .await;
        assert_eq!(read(&server).await.unwrap(), content(1000), "{headers}");
    }
}

#[tokio::test]
async fn without_an_etag_nothing_is_taken_up() {
    let server = Server::start(|asked| Told {
        headers: String::new(),
        breaks_after: Some(10),
        ..object(asked, &content(1000))
    })
    .await;
    let failed = read(&server).await.unwrap_err();
    assert!(matches!(failed, ObjectError::NoAnswer(_)), "{failed}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_said_and_not_asked_again() {
    let server = Server::start(|_| Told::error(404, "NoSuchKey")).await;
    let failed = read(&server).await.unwrap_err();
    assert_eq!(failed.to_string(), "there is no object s3://m13/a b.fits");
    assert_eq!(server.asked().len(), 1);
    let there = server.objects.head(&at("s3://m13/a")).await.unwrap();
    assert_eq!(there, None);
}
