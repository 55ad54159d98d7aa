//! The aws-chunked encoding of a body (AWS, "Signature Calculations for the Authorization Header:
//! Transferring Payload in Multiple Chunks", and "Including Trailing Headers").
//!
//! ```text
//! 10000;chunk-signature=…⏎     the length in hexadecimal; the signature only if chunks are signed
//! (65536 bytes)⏎
//! 0;chunk-signature=…⏎
//! x-amz-checksum-crc32c:…⏎     only if the request announced trailers
//! x-amz-trailer-signature:…⏎   only if chunks are signed as well
//! ⏎
//! ```

mod input;
mod signatures;
mod trailers;

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::HeaderMap;

use self::input::{Input, Line};
pub(crate) use self::signatures::ChunkSignatures;
use crate::BodyError;
use crate::key::array;
use crate::payload::decode_hex;

/// How long a chunk's header may be, with its line end.
pub const MAX_CHUNK_HEADER_BYTES: usize = 1024;

/// How long all that follows the last chunk's header may be.
pub const MAX_TRAILER_BYTES: usize = 16 * 1024;

/// An incremental decoder of aws-chunked bodies. It opens no connection: the caller pushes what
/// arrives and takes what comes out. It keeps at most a chunk's header or the trailers; data pass
/// through as slices of what was pushed.
///
/// Chunk signatures are verified at each chunk's end, when its data are out already: commit nothing
/// before [`Decoder::finish`] has returned `Ok`. After an error it stays with that error.
pub struct Decoder {
    input: Input,
    state: State,
    expected: u64,
    /// How much of `expected` no chunk has announced yet.
    unannounced: u64,
    trailer: bool,
    signed: Option<Signed>,
    tail: Vec<u8>,
    failed: Option<BodyError>,
}

/// What verifies signed chunks.
struct Signed {
    signatures: ChunkSignatures,
    hash: Context,
    claimed: [u8; 32],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a chunk's header.
    Header,
    /// In a chunk, of which so many bytes are to come.
    Data(u64),
    /// Before the line end after a chunk's data.
    DataEnd,
    /// After the header of the last chunk.
    Tail,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("state", &self.state)
            .field("signed", &self.signed.is_some())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Returns a decoder of a body that holds `expected` bytes once it is decoded, with or without
    /// trailers. `signatures`: what the chunks are signed with, if they are.
    pub(crate) fn new(expected: u64, trailer: bool, signatures: Option<ChunkSignatures>) -> Self {
        Self {
            input: Input::default(),
            state: State::Header,
            expected,
            unannounced: expected,
            trailer,
            signed: signatures.map(|signatures| Signed {
                signatures,
                hash: Context::new(&SHA256),
                claimed: [0; 32],
            }),
            tail: Vec::new(),
            failed: None,
        }
    }

    /// Returns a decoder of a body with trailers whose chunks are not signed
    /// (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`), which holds `expected` bytes once it is decoded.
    pub fn unsigned(expected: u64) -> Self {
        Self::new(expected, true, None)
    }

    /// Takes the next bytes of the body as they arrived.
    pub fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    /// Returns the next data; `None` if more must be pushed first, or if the last chunk was read.
    pub fn next_data(&mut self) -> Result<Option<Bytes>, BodyError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.step();
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    /// Checks, after the last bytes were pushed and read, that the body is whole: the last chunk
    /// came, its length is the one that was announced, nothing follows, and the signature of the
    /// trailers is right. Returns the trailers.
    pub fn finish(mut self) -> Result<HeaderMap, BodyError> {
        if self.next_data()?.is_some() {
            return Err(BodyError::Unread);
        }
        match self.state {
            State::Tail => {}
            // A body of no bytes at all stands for no chunks: some clients send an empty object so.
            State::Header if self.expected == 0 && !self.trailer && self.input.is_unread() => {
                return Ok(HeaderMap::new());
            }
            _ => return Err(BodyError::Truncated),
        }
        let signatures = self.signed.as_ref().map(|signed| &signed.signatures);
        trailers::read(&self.tail, self.trailer, signatures)
    }

    fn step(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.state {
                State::Header => match self.input.line(MAX_CHUNK_HEADER_BYTES) {
                    Line::Whole(line) => self.state = self.open(&line)?,
                    Line::TooLong => return Err(BodyError::ChunkHeaderTooLong),
                    Line::Partial => return Ok(None),
                },
                State::Data(0) => {
                    self.close()?;
                    self.state = State::DataEnd;
                }
                State::Data(left) => {
                    let Some(data) = self.input.take(left) else {
                        return Ok(None);
                    };
                    if let Some(signed) = &mut self.signed {
                        signed.hash.update(&data);
                    }
                    self.state = State::Data(left - data.len() as u64);
                    return Ok(Some(data));
                }
                State::DataEnd => match self.input.line(2) {
                    Line::Whole(line) if *line == *b"\r\n" => self.state = State::Header,
                    Line::Partial => return Ok(None),
                    Line::Whole(_) | Line::TooLong => {
                        let why = "a chunk is not as long as its header says";
                        return Err(BodyError::MalformedChunk(why));
                    }
                },
                State::Tail => {
                    while let Some(bytes) = self.input.take(u64::MAX) {
                        if self.tail.len() + bytes.len() > MAX_TRAILER_BYTES {
                            return Err(BodyError::TrailersTooLong);
                        }
                        self.tail.extend_from_slice(&bytes);
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Reads a chunk's header and begins the chunk.
    fn open(&mut self, line: &[u8]) -> Result<State, BodyError> {
        let header = Header::parse(line).map_err(BodyError::MalformedChunk)?;
        match (&mut self.signed, header.signature) {
            (Some(signed), Some(claimed)) => signed.claimed = claimed,
            (None, None) => {}
            (Some(_), None) => return Err(BodyError::MalformedChunk("a chunk is not signed")),
            (None, Some(_)) => {
                let why = "a chunk is signed, but the request says that none is";
                return Err(BodyError::MalformedChunk(why));
            }
        }
        self.unannounced = (self.unannounced.checked_sub(header.length))
            .ok_or(BodyError::DecodedLength(self.expected))?;
        if header.length > 0 {
            return Ok(State::Data(header.length));
        }
        if self.unannounced > 0 {
            return Err(BodyError::DecodedLength(self.expected));
        }
        self.close()?;
        Ok(State::Tail)
    }

    /// Verifies the signature of a chunk whose data are all read.
    fn close(&mut self) -> Result<(), BodyError> {
        let Some(signed) = &mut self.signed else {
            return Ok(());
        };
        let hash = std::mem::replace(&mut signed.hash, Context::new(&SHA256));
        let hash = array(&hash.finish());
        if signed.signatures.verify_chunk(&hash, &signed.claimed) {
            Ok(())
        } else {
            Err(BodyError::ChunkSignature)
        }
    }
}

/// A chunk's header.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    length: u64,
    signature: Option<[u8; 32]>,
}

impl Header {
    /// Reads `LENGTH⏎` or `LENGTH;chunk-signature=SIGNATURE⏎`; the error is what is wrong.
    fn parse(line: &[u8]) -> Result<Self, &'static str> {
        let line = line
            .strip_suffix(b"\r\n")
            .and_then(|line| std::str::from_utf8(line).ok())
            .ok_or("a chunk's header does not end in CR and LF or is not text")?;
        let (length, extension) = match line.split_once(';') {
            Some((length, extension)) => (length, Some(extension)),
            None => (line, None),
        };
        let is_hexadecimal = length.bytes().all(|byte| byte.is_ascii_hexdigit());
        let length = u64::from_str_radix(length, 16)
            .ok()
            .filter(|_| is_hexadecimal)
            .ok_or("a chunk's length is not a hexadecimal number")?;
        let signature = extension.map(|extension| {
            extension
                .strip_prefix("chunk-signature=")
                .and_then(decode_hex)
                .ok_or("a chunk's header has something else than a chunk-signature")
        });
        Ok(Self {
            length,
            signature: signature.transpose()?,
        })
    }
}
