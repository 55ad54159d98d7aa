//! The examples of the Amazon S3 documentation, "Signature Calculations for the Authorization
//! Header" and "Authenticating Requests: Using Query Parameters".

use skykey_sigv4::*;
use skykey_types::{AccessKeyId, Credentials, Secret};

const NOW: &str = "20130524T000000Z";
const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");

fn credentials() -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::new("AKIAIOSFODNN7EXAMPLE"),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: None,
        expiration: None,
    }
}

fn signature(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(&str, &str)],
    payload: &[u8],
) -> String {
    let payload_hash = &sha256_hex(payload);
    let request = Request {
        method,
        path,
        query,
        headers,
        payload_hash,
    };
    let signed = sign_headers(
        &credentials(),
        "us-east-1",
        "s3",
        parse_amz_date(NOW).unwrap(),
        &request,
    );
    let (_, authorization) = signed
        .iter()
        .find(|(name, _)| *name == "authorization")
        .unwrap();
    authorization.parse::<Authorization>().unwrap().signature
}

#[test]
fn get_object_with_a_range() {
    let signature = signature("GET", "/test.txt", "", &[HOST, ("Range", "bytes=0-9")], b"");
    assert_eq!(
        signature,
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
}

#[test]
fn put_object() {
    let headers = [
        HOST,
        ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    let signature = signature(
        "PUT",
        "/test$file.text",
        "",
        &headers,
        b"Welcome to Amazon S3.",
    );
    assert_eq!(
        signature,
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    );
}

#[test]
fn get_bucket_lifecycle() {
    let signature = signature("GET", "/", "lifecycle", &[HOST], b"");
    assert_eq!(
        signature,
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    );
}

#[test]
fn list_objects() {
    let signature = signature("GET", "/", "max-keys=2&prefix=J", &[HOST], b"");
    assert_eq!(
        signature,
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    );
}

#[test]
fn a_presigned_get() {
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let request = Request {
        method: "GET",
        path: "/test.txt",
        query,
        headers: &[HOST],
        payload_hash: UNSIGNED_PAYLOAD,
    };
    let authorization = Authorization::from_query(
        "AWS4-HMAC-SHA256",
        "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
        "host",
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    )
    .unwrap();
    let text = string_to_sign(NOW, &authorization.scope, &canonical_request(&request));
    let key = SigningKey::derive(&credentials().secret_access_key, &authorization.scope);
    assert!(key.verify(&text, &authorization.signature));
}
