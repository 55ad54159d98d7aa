//! Reading a body as its request's signature promised it.

use std::collections::VecDeque;
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use subtle::ConstantTimeEq;

use crate::Payload;
use crate::chunked::{ChunkSignatures, Decoder, MAX_CHUNK_HEADER_BYTES, MAX_TRAILER_BYTES};
use crate::key::array;

/// Why a body is refused. [`BodyError::code`] is S3's code for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// An aws-chunked body ended before its end (`IncompleteBody`).
    #[error("the body broke off or is malformed; nothing was stored")]
    Truncated,
    /// The chunks hold more or less than `x-amz-decoded-content-length` says (`IncompleteBody`).
    #[error(
        "the chunks do not hold the {0} bytes of x-amz-decoded-content-length; nothing was stored"
    )]
    DecodedLength(u64),
    /// A chunk does not begin or end as aws-chunked has it (`InvalidRequest`).
    #[error("the body is not aws-chunked: {0}; nothing was stored")]
    MalformedChunk(&'static str),
    /// A chunk's header is too long (`InvalidRequest`).
    #[error("a chunk's header is longer than {MAX_CHUNK_HEADER_BYTES} bytes; nothing was stored")]
    ChunkHeaderTooLong,
    /// A chunk's signature is wrong (`SignatureDoesNotMatch`).
    #[error("a chunk's signature is wrong; nothing was stored")]
    ChunkSignature,
    /// A trailer is malformed, not allowed or occurs twice (`MalformedTrailerError`).
    #[error("the trailers cannot be read: {0}; nothing was stored")]
    MalformedTrailer(&'static str),
    /// The trailers are too long (`MalformedTrailerError`).
    #[error("the trailers are longer than {MAX_TRAILER_BYTES} bytes; nothing was stored")]
    TrailersTooLong,
    /// The trailers' signature is wrong or absent (`SignatureDoesNotMatch`).
    #[error("the signature of the trailers is wrong or absent; nothing was stored")]
    TrailerSignature,
    /// There are bytes after the end (`InvalidRequest`).
    #[error("the body has bytes after its last chunk; nothing was stored")]
    AfterEnd,
    /// The body does not have the SHA-256 that was signed (`XAmzContentSHA256Mismatch`).
    #[error("the body is not the one whose SHA-256 was signed; nothing was stored")]
    Hash,
    /// The caller finished without having read all (`InternalError`).
    #[error("the body was not read to its end; nothing was stored")]
    Unread,
}

impl BodyError {
    /// Returns S3's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated | Self::DecodedLength(_) => "IncompleteBody",
            Self::MalformedChunk(_) | Self::ChunkHeaderTooLong | Self::AfterEnd => "InvalidRequest",
            Self::ChunkSignature | Self::TrailerSignature => "SignatureDoesNotMatch",
            Self::MalformedTrailer(_) | Self::TrailersTooLong => "MalformedTrailerError",
            Self::Hash => "XAmzContentSHA256Mismatch",
            Self::Unread => "InternalError",
        }
    }

    /// Returns the HTTP status that S3 answers with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ChunkSignature | Self::TrailerSignature => StatusCode::FORBIDDEN,
            Self::Unread => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body: passes an unsigned one through, hashes one whose SHA-256 is signed, decodes an
/// aws-chunked one. It opens no connection: the caller pushes what arrives and takes what comes out.
///
/// Data come out before they are verified, so that memory stays bounded: commit nothing before
/// [`BodyReader::finish`] has returned `Ok`.
pub struct BodyReader(Mode);

enum Mode {
    Plain(VecDeque<Bytes>),
    Hashed {
        frames: VecDeque<Bytes>,
        // Boxed, since the state of a hash is larger than the rest.
        hash: Box<Context>,
        claimed: [u8; 32],
    },
    Chunked(Box<Decoder>),
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Mode::Plain(_) => "BodyReader(plain)",
            Mode::Hashed { .. } => "BodyReader(hashed)",
            Mode::Chunked(_) => "BodyReader(chunked)",
        })
    }
}

impl BodyReader {
    pub(crate) fn new(
        payload: Payload,
        decoded_length: u64,
        chunks: Option<&ChunkSignatures>,
    ) -> Self {
        Self(match payload {
            Payload::Unsigned | Payload::Undeclared => Mode::Plain(VecDeque::new()),
            Payload::Sha256(claimed) => Mode::Hashed {
                frames: VecDeque::new(),
                hash: Box::new(Context::new(&SHA256)),
                claimed,
            },
            Payload::Streaming { trailer, .. } => Mode::Chunked(Box::new(Decoder::new(
                decoded_length,
                trailer,
                chunks.cloned(),
            ))),
        })
    }

    /// Takes the next bytes of the body as they arrived.
    pub fn push(&mut self, bytes: Bytes) {
        match &mut self.0 {
            Mode::Plain(frames) | Mode::Hashed { frames, .. } => frames.push_back(bytes),
            Mode::Chunked(decoder) => decoder.push(bytes),
        }
    }

    /// Returns the next data; `None` if more must be pushed first. The data are slices of what was
    /// pushed.
    pub fn next_data(&mut self) -> Result<Option<Bytes>, BodyError> {
        match &mut self.0 {
            Mode::Plain(frames) => Ok(frames.pop_front()),
            Mode::Hashed { frames, hash, .. } => Ok(frames.pop_front().inspect(|bytes| {
                hash.update(bytes);
            })),
            Mode::Chunked(decoder) => decoder.next_data(),
        }
    }

    /// Checks, after the last bytes were pushed and read, that the body is whole and is the one
    /// that was signed. Returns the trailers, of which there may be none.
    pub fn finish(self) -> Result<HeaderMap, BodyError> {
        match self.0 {
            Mode::Plain(frames) if frames.is_empty() => Ok(HeaderMap::new()),
            Mode::Hashed {
                frames,
                hash,
                claimed,
            } if frames.is_empty() => {
                let same: bool = array(&hash.finish()).ct_eq(&claimed).into();
                same.then(HeaderMap::new).ok_or(BodyError::Hash)
            }
            Mode::Plain(_) | Mode::Hashed { .. } => Err(BodyError::Unread),
            Mode::Chunked(decoder) => decoder.finish(),
        }
    }
}
