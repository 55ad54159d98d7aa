//! The format of a file: the body, then metadata in JSON, then a footer of 40 bytes.
//!
//! | footer bytes | hold |
//! |---|---|
//! | 0–7 | `skykeyRF` |
//! | 8–11 | the version, 1, little-endian as all numbers here |
//! | 12–15 | the length of the metadata |
//! | 16–23 | the length of the body |
//! | 24–39 | the first half of the SHA-256 of the metadata and the footer's bytes before |
//!
//! The body comes first so that a byte range of the object is the same range of the file.

use std::io;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::disk::DiskFile;

const MAGIC: &[u8; 8] = b"skykeyRF";
const VERSION: u32 = 1;
const FOOTER_BYTES: usize = 40;
const MAX_METADATA_BYTES: usize = 1024 * 1024;

/// Why a file could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The disk refused.
    Io(io::Error),
    /// The file is not what was written.
    Damaged(String),
}

/// What follows a body of `size` bytes.
pub(super) fn tail(metadata: &impl Serialize, size: u64) -> Result<Vec<u8>, StoreError> {
    let mut tail = serde_json::to_vec(metadata)
        .expect("metadata has text for keys and no values that can fail");
    let length = tail.len();
    if length > MAX_METADATA_BYTES {
        return Err(StoreError::AttributesTooLarge { size: length });
    }
    let mut footer = [0; FOOTER_BYTES];
    footer[..8].copy_from_slice(MAGIC);
    footer[8..12].copy_from_slice(&VERSION.to_le_bytes());
    footer[12..16].copy_from_slice(&u32::try_from(length).expect("at most 1 MiB").to_le_bytes());
    footer[16..24].copy_from_slice(&size.to_le_bytes());
    let sum = checksum(&tail, &footer);
    footer[24..].copy_from_slice(&sum);
    tail.extend_from_slice(&footer);
    Ok(tail)
}

/// Reads the metadata and the size of the body of a file of which nothing is known. The last number
/// is the length of the tail, as [`read_tail`] takes it.
pub(super) fn read<T: DeserializeOwned>(file: &dyn DiskFile) -> Result<(T, u64, u32), ReadError> {
    let length = file.size().map_err(ReadError::Io)?;
    let Some(footer_at) = length.checked_sub(FOOTER_BYTES as u64) else {
        return Err(damaged(format!("{length} bytes are too few")));
    };
    let mut footer = [0; FOOTER_BYTES];
    file.read_exact_at(&mut footer, footer_at)
        .map_err(ReadError::Io)?;
    let footer = Footer::parse(footer)?;
    if footer.size.checked_add(u64::from(footer.metadata_bytes)) != Some(footer_at) {
        return Err(damaged("its length is not what the footer says"));
    }
    let tail_bytes = footer.metadata_bytes + u32::try_from(FOOTER_BYTES).expect("40");
    let metadata = read_tail(file, footer.size, tail_bytes)?;
    Ok((metadata, footer.size, tail_bytes))
}

/// Reads the metadata of a file whose body has `size` bytes and whose tail has `tail_bytes`.
pub(super) fn read_tail<T: DeserializeOwned>(
    file: &dyn DiskFile,
    size: u64,
    tail_bytes: u32,
) -> Result<T, ReadError> {
    let mut tail = vec![0; tail_bytes as usize];
    file.read_exact_at(&mut tail, size)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it is shorter than it was"),
            _ => ReadError::Io(error),
        })?;
    parse_tail(&tail, size)
}

/// Reads the metadata out of the tail of a file whose body has `size` bytes.
pub(super) fn parse_tail<T: DeserializeOwned>(tail: &[u8], size: u64) -> Result<T, ReadError> {
    let Some((metadata, bytes)) = tail.split_last_chunk::<FOOTER_BYTES>() else {
        return Err(damaged("its tail is too short"));
    };
    let footer = Footer::parse(*bytes)?;
    if footer.size != size || footer.metadata_bytes as usize != metadata.len() {
        return Err(damaged("its length is not what the footer says"));
    }
    if checksum(metadata, bytes) != bytes[24..] {
        return Err(damaged("the checksum of its metadata is wrong"));
    }
    serde_json::from_slice(metadata).map_err(|error| damaged(error.to_string()))
}

struct Footer {
    metadata_bytes: u32,
    size: u64,
}

impl Footer {
    fn parse(bytes: [u8; FOOTER_BYTES]) -> Result<Self, ReadError> {
        if &bytes[..8] != MAGIC {
            return Err(damaged("it does not end in a footer"));
        }
        let version = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
        if version != VERSION {
            return Err(damaged(format!("its version is {version}")));
        }
        let metadata_bytes = u32::from_le_bytes(bytes[12..16].try_into().expect("four bytes"));
        if metadata_bytes as usize > MAX_METADATA_BYTES {
            return Err(damaged("its length is not what the footer says"));
        }
        Ok(Self {
            metadata_bytes,
            size: u64::from_le_bytes(bytes[16..24].try_into().expect("eight bytes")),
        })
    }
}

fn checksum(metadata: &[u8], footer: &[u8; FOOTER_BYTES]) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    context.update(metadata);
    context.update(&footer[..24]);
    context.finish().as_ref()[..16]
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

fn damaged(what: impl Into<String>) -> ReadError {
    ReadError::Damaged(what.into())
}
