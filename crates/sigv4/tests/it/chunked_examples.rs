//! The examples of the Amazon S3 documentation, "Signature Calculations for the Authorization
//! Header: Transferring Payload in Multiple Chunks" and "… Including Trailing Headers".

use bytes::Bytes;
use http::HeaderMap;
use skykey_sigv4::*;

use crate::request::{ACCESS, Received, TIME};

/// The decoded body: 65 KiB of `a`.
const LENGTH: usize = 66_560;

pub(crate) fn request(signed_headers: &str, signature: &str, more: &[(&str, &str)]) -> Received {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS}/20130524/us-east-1/s3/aws4_request,\
         SignedHeaders={signed_headers},Signature={signature}"
    );
    let headers = [
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", TIME),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("authorization", &authorization),
    ];
    let headers: Vec<_> = headers.iter().chain(more).copied().collect();
    Received::new("PUT", "/examplebucket/chunkObject.txt", "", &headers)
}

pub(crate) fn signed() -> Received {
    request(
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
         x-amz-decoded-content-length;x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        &[
            ("content-length", "66824"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ],
    )
}

pub(crate) fn signed_with_trailer() -> Received {
    request(
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
         x-amz-storage-class;x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        &[
            (
                "x-amz-content-sha256",
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            ),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ],
    )
}

fn body(signatures: [&str; 3], tail: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (length, signature) in [65536, 1024, 0].into_iter().zip(signatures) {
        body.extend(format!("{length:x};chunk-signature={signature}\r\n").bytes());
        body.extend(vec![b'a'; length]);
        if length > 0 {
            body.extend(b"\r\n");
        }
    }
    body.extend(tail.bytes());
    body
}

pub(crate) fn signed_body() -> Vec<u8> {
    body(
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
        "\r\n",
    )
}

pub(crate) fn signed_body_with_trailer(tail: &str) -> Vec<u8> {
    body(
        [
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ],
        tail,
    )
}

pub(crate) const TRAILER: &str = "x-amz-checksum-crc32c:sOO8/Q==\r\n\
    x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";

/// Reads a body that arrives in pieces of so many bytes.
pub(crate) fn read(
    verified: &Verified,
    body: &[u8],
    piece: usize,
) -> Result<(Vec<u8>, HeaderMap), BodyError> {
    let mut reader = verified.body_reader();
    let mut data = Vec::new();
    for piece in body.chunks(piece) {
        reader.push(Bytes::copy_from_slice(piece));
        while let Some(bytes) = reader.next_data()? {
            data.extend_from_slice(&bytes);
        }
    }
    Ok((data, reader.finish()?))
}

#[test]
fn a_body_in_signed_chunks() {
    let body = signed_body();
    assert_eq!(body.len(), 66824);
    let verified = signed().verify().unwrap();
    assert_eq!(verified.decoded_length(), Some(66560));
    for piece in [1, 7, 1024, 65536, body.len()] {
        let (data, trailers) = read(&verified, &body, piece).unwrap();
        assert!(data == vec![b'a'; LENGTH] && trailers.is_empty());
    }
}

#[test]
fn a_body_in_signed_chunks_with_a_signed_trailer() {
    let verified = signed_with_trailer().verify().unwrap();
    // As in the documentation, and as minio-go writes it.
    let minio = TRAILER.replacen("\r\n", "\n\r\n", 1);
    for tail in [TRAILER, &minio] {
        let body = signed_body_with_trailer(tail);
        for piece in [1, 1024, body.len()] {
            let (data, trailers) = read(&verified, &body, piece).unwrap();
            assert!(data == vec![b'a'; LENGTH]);
            assert_eq!(trailers["x-amz-checksum-crc32c"], "sOO8/Q==");
            assert_eq!(trailers.len(), 1);
        }
    }
}
