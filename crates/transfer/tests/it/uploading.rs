//! A file becomes an object, in one piece or in parts, and leaves nothing half.

use std::fs;

use skykey_transfer::{ObjectError, Silent};

use crate::server::{Asked, Server, Told, at, content, etag};

const LARGE: usize = (16 << 20) + 5;

#[tokio::test]
async fn a_small_file_goes_in_one_piece_where_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("a");
    fs::write(&from, content(1000)).unwrap();
    let server = Server::start(|asked| match asked.line.split(' ').next() {
        Some("PUT") => Told::ok(""),
        _ => Told::error(404, ""),
    })
    .await;
    let put = server
        .objects
        .upload(&from, &at("s3://m13/a"), false, &Silent)
        .await;
    assert_eq!(put.unwrap(), 1000);
    let asked = server.asked();
    assert_eq!(asked[1].body, content(1000));
    assert_eq!(asked[1].header("if-none-match"), Some("*"));
    assert!(asked[1].header("content-md5").is_some());
}

#[tokio::test]
async fn an_object_that_is_there_is_replaced_on_demand_only() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("a");
    fs::write(&from, "new").unwrap();
    let server = Server::start(|_| Told::ok("")).await;
    let failed = server
        .objects
        .upload(&from, &at("s3://m13/a"), false, &Silent)
        .await
        .unwrap_err();
    assert_eq!(failed, ObjectError::ObjectExists(at("s3://m13/a")));
    server
        .objects
        .upload(&from, &at("s3://m13/a"), true, &Silent)
        .await
        .unwrap();
    let put = server.asked().pop().unwrap();
    assert_eq!(
        (put.line.as_str(), put.header("if-none-match")),
        ("PUT /m13/a", None)
    );
    // Somebody else is faster.
    let server = Server::start(|asked| match asked.line.split(' ').next() {
        Some("PUT") => Told::error(412, "PreconditionFailed"),
        _ => Told::error(404, ""),
    })
    .await;
    let failed = server
        .objects
        .upload(&from, &at("s3://m13/a"), false, &Silent)
        .await
        .unwrap_err();
    assert_eq!(failed, ObjectError::ObjectExists(at("s3://m13/a")));
}

fn in_parts(asked: &Asked, last: impl FnOnce() -> Told) -> Told {
    let line = asked.line.as_str();
    if line.starts_with("HEAD") {
        Told::error(404, "")
    } else if line.contains("uploads=") {
        Told::ok(
            "<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>",
        )
    } else if line.contains("partNumber=1&") {
        Told {
            headers: format!("etag: {}\r\n", etag(&asked.body)),
            ..Told::ok("")
        }
    } else if line.starts_with("DELETE") {
        Told::ok("")
    } else {
        last()
    }
}

#[tokio::test]
async fn a_large_file_goes_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("a");
    fs::write(&from, content(LARGE)).unwrap();
    let server = Server::start(|asked| {
        let body = asked.body.clone();
        in_parts(asked, || Told {
            headers: format!("etag: {}\r\n", etag(&body)),
            ..Told::ok("<CompleteMultipartUploadResult/>")
        })
    })
    .await;
    let put = server
        .objects
        .upload(&from, &at("s3://m13/a"), false, &Silent)
        .await;
    assert_eq!(put.unwrap(), u64::try_from(LARGE).unwrap());
    let asked = server.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "HEAD /m13/a",
            "POST /m13/a?uploads=",
            "PUT /m13/a?partNumber=1&uploadId=u%261",
            "PUT /m13/a?partNumber=2&uploadId=u%261",
            "POST /m13/a?uploadId=u%261",
        ]
    );
    assert_eq!((asked[2].body.len(), asked[3].body.len()), (16 << 20, 5));
    let parts = String::from_utf8_lossy(&asked[4].body);
    assert!(parts.contains("<PartNumber>2</PartNumber>"), "{parts}");
    assert_eq!(asked[4].header("if-none-match"), Some("*"));
}

#[tokio::test]
async fn parts_of_what_failed_are_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("a");
    fs::write(&from, content(LARGE)).unwrap();
    let broken = "<Error><Code>InternalError</Code></Error>";
    for last in [Told::error(403, "AccessDenied"), Told::ok(broken)] {
        let told = last.clone();
        let server = Server::start(move |asked| {
            let completes = asked.line.starts_with("POST");
            let body = asked.body.clone();
            in_parts(asked, || {
                if completes || told.status == 403 {
                    told.clone()
                } else {
                    Told {
                        headers: format!("etag: {}\r\n", etag(&body)),
                        ..Told::ok("")
                    }
                }
            })
        })
        .await;
        let failed = server
            .objects
            .upload(&from, &at("s3://m13/a"), true, &Silent)
            .await
            .unwrap_err();
        assert!(
            failed.to_string().starts_with("cannot write s3://m13/a"),
            "{failed}"
        );
        assert_eq!(
            server.asked().pop().unwrap().line,
            "DELETE /m13/a?uploadId=u%261"
        );
    }
}
