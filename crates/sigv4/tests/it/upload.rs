//! Uploads in aws-chunked encoding, signed by the tests themselves.

use bytes::Bytes;
use http::HeaderMap;
use skykey_sigv4::*;
use skykey_types::Secret;

use crate::request::{Received, SECRET, TIME, credentials, now};

/// How an upload is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Signed,
    SignedWithTrailer,
    UnsignedWithTrailer,
}

pub(crate) const ENCODINGS: [Encoding; 3] = [
    Encoding::Signed,
    Encoding::SignedWithTrailer,
    Encoding::UnsignedWithTrailer,
];

const TRAILER: (&str, &str) = ("x-amz-checksum-crc32c", "sOO8/Q==");

/// A verified request and the body that comes with it.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) verified: Verified,
    pub(crate) body: Vec<u8>,
}

impl Upload {
    /// An upload of these chunks, which may be announced as longer or shorter than they are.
    pub(crate) fn announced(encoding: Encoding, chunks: &[&[u8]], length: usize) -> Self {
        let length = length.to_string();
        let mut headers = vec![("host", "h"), ("x-amz-decoded-content-length", &length)];
        if encoding != Encoding::Signed {
            headers.push(("x-amz-trailer", TRAILER.0));
        }
        let payload = match encoding {
            Encoding::Signed => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Encoding::SignedWithTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Encoding::UnsignedWithTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        };
        let request =
            Received::new("PUT", "/b/k", "", &headers).signed(&credentials(), "s3", payload);
        let authorization = request.headers["authorization"].to_str().unwrap();
        let (_, seed) = authorization.split_once("Signature=").unwrap();
        Self {
            verified: request.verify().unwrap(),
            body: encode(encoding, chunks, seed),
        }
    }

    /// An upload of these chunks.
    pub(crate) fn new(encoding: Encoding, chunks: &[&[u8]]) -> Self {
        Self::announced(
            encoding,
            chunks,
            chunks.iter().map(|chunk| chunk.len()).sum(),
        )
    }

    /// With the first occurrence of some bytes of the body replaced.
    pub(crate) fn replaced(mut self, from: &str, to: &str) -> Self {
        let from = from.as_bytes();
        let at = self
            .body
            .windows(from.len())
            .position(|found| found == from);
        let at = at.expect("the body has it");
        self.body.splice(at..at + from.len(), to.bytes());
        self
    }

    /// What comes of the body in pieces of these lengths, over and over: the data that came out, and
    /// the trailers or the error.
    pub(crate) fn read(&self, pieces: &[usize]) -> (Vec<u8>, Result<HeaderMap, BodyError>) {
        let mut reader = self.verified.body_reader();
        let mut data = Vec::new();
        let mut left = Bytes::from(self.body.clone());
        let mut pieces = pieces.iter().cycle();
        while !left.is_empty() {
            let piece = (*pieces.next().unwrap()).clamp(1, left.len());
            reader.push(left.split_to(piece));
            loop {
                match reader.next_data() {
                    Ok(Some(bytes)) => data.extend_from_slice(&bytes),
                    Ok(None) => break,
                    Err(error) => return (data, Err(error)),
                }
            }
        }
        (data, reader.finish())
    }

    /// The error that comes of the body, which must be the same in one piece and byte by byte.
    pub(crate) fn error(&self) -> BodyError {
        let whole = self.read(&[self.body.len()]);
        assert_eq!(whole, self.read(&[1]));
        whole.1.expect_err("the body is refused")
    }
}

fn encode(encoding: Encoding, chunks: &[&[u8]], seed: &str) -> Vec<u8> {
    let scope = Scope::at(now(), "us-east-1", "s3");
    let key = SigningKey::derive(&Secret::new(SECRET), &scope);
    let mut previous = seed.to_owned();
    let mut body = Vec::new();
    for chunk in chunks.iter().copied().chain([b"".as_slice()]) {
        body.extend(format!("{:x}", chunk.len()).bytes());
        if encoding != Encoding::UnsignedWithTrailer {
            previous = key.sign(&format!(
                "AWS4-HMAC-SHA256-PAYLOAD\n{TIME}\n{scope}\n{previous}\n{EMPTY_PAYLOAD}\n{}",
                sha256_hex(chunk)
            ));
            body.extend(format!(";chunk-signature={previous}").bytes());
        }
        body.extend(b"\r\n");
        body.extend_from_slice(chunk);
        if !chunk.is_empty() {
            body.extend(b"\r\n");
        }
    }
    let (name, value) = TRAILER;
    if encoding != Encoding::Signed {
        body.extend(format!("{name}:{value}\r\n").bytes());
    }
    if encoding == Encoding::SignedWithTrailer {
        let signature = key.sign(&format!(
            "AWS4-HMAC-SHA256-TRAILER\n{TIME}\n{scope}\n{previous}\n{}",
            sha256_hex(format!("{name}:{value}\n").as_bytes())
        ));
        body.extend(format!("x-amz-trailer-signature:{signature}\r\n").bytes());
    }
    body.extend(b"\r\n");
    body
}
