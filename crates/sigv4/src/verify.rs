//! Verifying what a request presents.

use std::borrow::Cow;

use http::HeaderMap;
use jiff::Timestamp;
use skykey_types::Secret;

use crate::canonical::push_path;
use crate::chunked::ChunkSignatures;
use crate::query::is_unreserved;
use crate::{ALGORITHM, BodyReader, Payload, Presented, Refusal, SigningKey, sha256_hex};

/// The proof that a request's signature is right, and what it promises about the body. Only
/// [`Presented::verify`] makes one.
#[derive(Debug, Clone)]
pub struct Verified {
    payload: Payload,
    decoded_length: u64,
    /// What signs the chunks, if they are signed.
    chunks: Option<Box<ChunkSignatures>>,
}

impl Verified {
    /// Returns what the request says about its body. [`Payload::Undeclared`] has become the hash
    /// that was verified.
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// Returns the length of an aws-chunked body once it is decoded, in bytes
    /// (`x-amz-decoded-content-length`).
    pub fn decoded_length(&self) -> Option<u64> {
        self.payload.is_streaming().then_some(self.decoded_length)
    }

    /// Returns the reader of the body, which checks what was signed about it.
    pub fn body_reader(&self) -> BodyReader {
        BodyReader::new(self.payload, self.decoded_length, self.chunks.as_deref())
    }
}

impl Presented<'_> {
    /// Verifies the signature and the time.
    ///
    /// `body_sha256` is the SHA-256 of the body, if the caller has buffered it: without it,
    /// [`Payload::Undeclared`] is refused; with it, a [`Payload::Sha256`] is compared here.
    ///
    /// A path is tried as it arrived, too, if it holds characters that S3 would have encoded:
    /// some clients sign it so.
    pub fn verify(
        &self,
        secret: &Secret,
        now: Timestamp,
        body_sha256: Option<&[u8; 32]>,
    ) -> Result<Verified, Refusal> {
        self.check_time(now)?;
        let (payload, body_line) = match (self.body.payload, self.body.signed_as, body_sha256) {
            (Payload::Undeclared, _, None) => return Err(Refusal::PayloadMissing),
            (Payload::Undeclared, _, Some(hash)) => {
                (Payload::Sha256(*hash), Cow::Owned(hex::encode(hash)))
            }
            (payload, signed_as, _) => (payload, Cow::Borrowed(signed_as.unwrap_or_default())),
        };
        let scope = self.scope;
        let key = SigningKey::derive_for(secret, scope.day, scope.region, scope.service);
        let path = self.head.path;
        let raw = path
            .bytes()
            .any(|byte| !(is_unreserved(byte) || matches!(byte, b'/' | b'%')));
        if !(self.is_signed_by(&key, &body_line, false)
            || raw && self.is_signed_by(&key, &body_line, true))
        {
            return Err(Refusal::SignatureDoesNotMatch);
        }
        if let (Payload::Sha256(claimed), Some(hash)) = (payload, body_sha256)
            && claimed != *hash
        {
            return Err(Refusal::BodyHash);
        }
        let chunks = matches!(payload, Payload::Streaming { signed: true, .. }).then(|| {
            Box::new(ChunkSignatures::new(
                key,
                &self.time_text,
                scope.text,
                self.signature,
            ))
        });
        Ok(Verified {
            payload,
            decoded_length: self.body.decoded_length,
            chunks,
        })
    }

    fn is_signed_by(&self, key: &SigningKey, body_line: &str, raw_path: bool) -> bool {
        let canonical = self.canonical_request(body_line, raw_path);
        let hash = sha256_hex(&canonical);
        let line = b"\n".as_slice();
        key.verify_pieces(
            [
                ALGORITHM.as_bytes(),
                line,
                self.time_text.as_bytes(),
                line,
                self.scope.text.as_bytes(),
                line,
                hash.as_bytes(),
            ],
            &self.signature,
        )
    }

    /// The canonical request. Bytes, since a header's value need not be UTF-8.
    fn canonical_request(&self, body_line: &str, raw_path: bool) -> Vec<u8> {
        let mut head = String::with_capacity(2048);
        head.push_str(self.head.method.as_str());
        head.push('\n');
        if raw_path {
            head.push_str(self.head.path);
        } else {
            push_path(&mut head, self.head.path);
        }
        head.push('\n');
        self.head.query.push_canonical(&mut head);
        head.push('\n');
        let mut text = head.into_bytes();
        for name in self.signed_headers.iter() {
            push_header(&mut text, self.head.headers, name);
        }
        text.push(b'\n');
        for (index, name) in self.signed_headers.iter().enumerate() {
            if index > 0 {
                text.push(b';');
            }
            text.extend_from_slice(name.as_bytes());
        }
        text.push(b'\n');
        text.extend_from_slice(body_line.as_bytes());
        text
    }
}

/// Writes one line: the name, and its values in their order, trimmed, with runs of blanks folded.
fn push_header(text: &mut Vec<u8>, headers: &HeaderMap, name: &str) {
    text.extend_from_slice(name.as_bytes());
    for (index, value) in headers.get_all(name).iter().enumerate() {
        text.push(if index == 0 { b':' } else { b',' });
        let words = value.as_bytes().split(u8::is_ascii_whitespace);
        for (index, word) in words.filter(|word| !word.is_empty()).enumerate() {
            if index > 0 {
                text.push(b' ');
            }
            text.extend_from_slice(word);
        }
    }
    text.push(b'\n');
}
