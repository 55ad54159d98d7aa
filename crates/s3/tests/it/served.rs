//! Every operation that the table serves does its work for the right caller. The walk goes by the table: an
//! operation that is served and has no request here fails the test.

use skykey_s3::{Need, Operation, Row, TABLE};
use skykey_types::Credentials;

use crate::world::{Ask, TestEndpoint, ask};

/// Begins an upload of the object `upload`, with one part. Returns its id and the part's ETag.
async fn upload(endpoint: &TestEndpoint, curator: &Credentials) -> (String, String) {
    let begun = endpoint
        .send(curator, ask("POST /demo/upload?uploads="))
        .await;
    let id = begun.element("UploadId").to_owned();
    let put = ask(&format!("PUT /demo/upload?partNumber=1&uploadId={id}")).body("part");
    let part = endpoint.send(curator, put).await;
    assert_eq!(part.status, 200, "{part:?}");
    (id, part.header("etag").to_owned())
}

/// The request for a row's operation, and the root element of its answer; empty if it has no body.
fn request_for(row: &Row, id: &str, etag: &str) -> (Ask, &'static str) {
    let source = |ask: Ask| ask.header("x-amz-copy-source", "demo/a");
    let parts = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        etag.replace('"', "&quot;")
    );
    let of_upload = |line: &str| ask(&format!("{line}uploadId={id}"));
    match row.operation {
        Operation::ListBuckets => (ask("GET /"), "ListAllMyBucketsResult"),
        Operation::HeadBucket => (ask("HEAD /demo"), ""),
        Operation::GetBucketLocation => (ask("GET /demo?location="), "LocationConstraint"),
        Operation::GetBucketVersioning => (ask("GET /demo?versioning="), "VersioningConfiguration"),
        Operation::ListObjects => (ask("GET /demo"), "ListBucketResult"),
        Operation::ListObjectsV2 => (ask("GET /demo?list-type=2"), "ListBucketResult"),
        Operation::GetObject => (ask("GET /demo/a"), "image"),
        Operation::HeadObject => (ask("HEAD /demo/a"), ""),
        Operation::GetObjectAttributes => (
            ask("GET /demo/a?attributes=").header("x-amz-object-attributes", "ETag,ObjectSize"),
            "GetObjectAttributesResponse",
        ),
        Operation::GetObjectTagging => (ask("GET /demo/a?tagging="), "Tagging"),
        Operation::PutObject => (ask("PUT /demo/b").body("x"), ""),
        Operation::DeleteObject => (ask("DELETE /demo/b"), ""),
        Operation::DeleteObjects => (
            ask("POST /demo?delete=").body("<Delete><Object><Key>b</Key></Object></Delete>"),
            "DeleteResult",
        ),
        Operation::CopyObject => (source(ask("PUT /demo/c")), "CopyObjectResult"),
        Operation::CreateMultipartUpload => (
            ask("POST /demo/d?uploads="),
            "InitiateMultipartUploadResult",
        ),
        Operation::UploadPart => (of_upload("PUT /demo/upload?partNumber=2&").body("x"), ""),
        Operation::UploadPartCopy => (
            source(of_upload("PUT /demo/upload?partNumber=3&")),
            "CopyPartResult",
        ),
        Operation::CompleteMultipartUpload => (
            of_upload("POST /demo/upload?").body(parts),
            "CompleteMultipartUploadResult",
        ),
        Operation::AbortMultipartUpload => (of_upload("DELETE /demo/upload?"), ""),
        Operation::ListParts => (of_upload("GET /demo/upload?"), "ListPartsResult"),
        Operation::ListMultipartUploads => {
            (ask("GET /demo?uploads="), "ListMultipartUploadsResult")
        }
        other => panic!("{} is served and has no request here", other.name()),
    }
}

#[tokio::test]
async fn every_served_operation_answers_the_right_caller_in_its_shape() {
    let endpoint = TestEndpoint::start().await;
    endpoint.put("a", "image").await;
    let curator = endpoint.curator().await;
    let reader = endpoint.reader().await;
    for row in TABLE.iter().filter(|row| row.need != Need::Nobody) {
        let name = row.operation.name();
        let reads = matches!(row.need, Need::Key | Need::See | Need::List | Need::Read);
        let caller = if reads { &reader } else { &curator };
        // An upload of its own for each, since some end it.
        let (id, etag) = upload(&endpoint, &curator).await;
        let (request, body) = request_for(row, &id, &etag);
        let answer = endpoint.send(caller, request).await;
        assert!((200..300).contains(&answer.status), "{name}: {answer:?}");
        assert_eq!(
            answer.body.is_empty(),
            body.is_empty(),
            "{name}: {answer:?}"
        );
        assert!(answer.text().contains(body), "{name}: {answer:?}");
        if body.starts_with(char::is_uppercase) {
            assert_eq!(answer.header("content-type"), "application/xml", "{name}");
            assert!(
                answer.text().trim_end().ends_with('>'),
                "{name}: {answer:?}"
            );
        }
    }
}
