//! The examples of the Amazon S3 documentation, as a server receives them.

use bytes::Bytes;
use skykey_sigv4::*;

use crate::request::{ACCESS, Received, TIME};

const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");

fn signed(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(&str, &str)],
    signed_headers: &str,
    signature: &str,
) -> Received {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS}/20130524/us-east-1/s3/aws4_request,\
         SignedHeaders={signed_headers},Signature={signature}"
    );
    Received::new(method, path, query, headers)
        .with("x-amz-date", TIME)
        .with("authorization", &authorization)
}

fn empty(query: &str, signature: &str) -> Received {
    let headers = [HOST, ("x-amz-content-sha256", EMPTY_PAYLOAD)];
    let names = "host;x-amz-content-sha256;x-amz-date";
    signed("GET", "/", query, &headers, names, signature)
}

#[test]
fn get_object_with_a_range() {
    let request = signed(
        "GET",
        "/test.txt",
        "",
        &[
            HOST,
            ("Range", "bytes=0-9"),
            ("x-amz-content-sha256", EMPTY_PAYLOAD),
        ],
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    let verified = request.verify().unwrap();
    assert_eq!(verified.payload(), Payload::Sha256(sha256(b"")));
    assert_eq!(verified.decoded_length(), None);
    let other = request.with("range", "bytes=0-99");
    assert_eq!(other.refusal(), Refusal::SignatureDoesNotMatch);
}

#[test]
fn put_object() {
    let body = b"Welcome to Amazon S3.";
    let hash = sha256_hex(body);
    for path in ["/test%24file.text", "/test$file.text"] {
        let request = signed(
            "PUT",
            path,
            "",
            &[
                HOST,
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ("x-amz-content-sha256", &hash),
            ],
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        );
        let verified = request.verify().unwrap();
        for (arrived, expected) in [
            (body.as_slice(), Ok(0)),
            (b"Welcome to Amazon S4.", Err(BodyError::Hash)),
        ] {
            let mut reader = verified.body_reader();
            reader.push(Bytes::copy_from_slice(arrived));
            assert_eq!(reader.next_data().unwrap().unwrap(), arrived);
            assert_eq!(reader.next_data(), Ok(None));
            assert_eq!(reader.finish().map(|trailers| trailers.len()), expected);
        }
    }
}

#[test]
fn get_bucket_lifecycle() {
    empty(
        "lifecycle",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    )
    .verify()
    .unwrap();
}

#[test]
fn list_objects() {
    for query in ["max-keys=2&prefix=J", "prefix=%4A&max-keys=2"] {
        empty(
            query,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        )
        .verify()
        .unwrap();
    }
}

#[test]
fn a_presigned_get() {
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let request = Received::new("GET", "/test.txt", query, &[HOST]);
    assert_eq!(request.verify().unwrap().payload(), Payload::Unsigned);
}
