//! The chain of signatures through the chunks of a body.

use crate::payload::decode_hex;
use crate::{EMPTY_PAYLOAD, SigningKey};

/// Verifies the signatures of chunks and trailers, each of which covers the one before; the first
/// is the request's.
#[derive(Debug, Clone)]
pub(crate) struct ChunkSignatures {
    key: SigningKey,
    /// The second and third line of what is signed: time and scope.
    time_and_scope: String,
    previous: String,
}

impl ChunkSignatures {
    pub(crate) fn new(key: SigningKey, time: &str, scope: &str, seed: [u8; 32]) -> Self {
        Self {
            key,
            time_and_scope: format!("\n{time}\n{scope}\n"),
            previous: hex::encode(seed),
        }
    }

    /// Verifies the signature of the next chunk, whose data have the SHA-256 `hash`.
    pub(super) fn verify_chunk(&mut self, hash: &[u8; 32], signature: &[u8; 32]) -> bool {
        let hash = hex::encode(hash);
        let right = self.key.verify_pieces(
            [
                "AWS4-HMAC-SHA256-PAYLOAD".as_bytes(),
                self.time_and_scope.as_bytes(),
                self.previous.as_bytes(),
                b"\n",
                EMPTY_PAYLOAD.as_bytes(),
                b"\n",
                hash.as_bytes(),
            ],
            signature,
        );
        self.previous = hex::encode(signature);
        right
    }

    /// Verifies the signature of the trailers in their canonical form.
    pub(super) fn verify_trailers(&self, canonical: &[u8], signature: &str) -> bool {
        let Some(signature) = decode_hex(signature) else {
            return false;
        };
        let hash = crate::sha256_hex(canonical);
        self.key.verify_pieces(
            [
                "AWS4-HMAC-SHA256-TRAILER".as_bytes(),
                self.time_and_scope.as_bytes(),
                self.previous.as_bytes(),
                b"\n",
                hash.as_bytes(),
            ],
            &signature,
        )
    }
}
