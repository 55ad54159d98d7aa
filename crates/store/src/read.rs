//! Reading a body.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;

use crate::{Bytestream, ObjectInfo};

/// The largest piece that a body is read in.
const PIECE_BYTES: u64 = 256 * 1024;

/// One version of an object, open for reading.
#[derive(Debug, Clone)]
pub struct Object {
    /// What is known of this version.
    pub info: ObjectInfo,
    file: Arc<File>,
    offset: u64,
}

impl Object {
    /// For implementations: an object whose body is in `file` from `offset` on.
    pub fn new(info: ObjectInfo, file: Arc<File>, offset: u64) -> Self {
        Self { info, file, offset }
    }

    /// Reads the bytes from `range.start` up to but without `range.end`, and no others; what lies
    /// behind the body's end is left out. Reads as the stream is polled, 256 KiB at a time.
    pub fn read(&self, range: Range<u64>) -> Bytestream {
        let end = range.end.min(self.info.size);
        let start = range.start.min(end);
        let file = Arc::clone(&self.file);
        let offset = self.offset;
        stream::try_unfold((file, start..end), move |(file, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let (from, to) = (range.start, range.end.min(range.start + PIECE_BYTES));
            let (bytes, file) = tokio::task::spawn_blocking(move || {
                let length = usize::try_from(to - from).map_err(io::Error::other)?;
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset + from)?;
                io::Result::Ok((Bytes::from(bytes), file))
            })
            .await
            .map_err(io::Error::other)??;
            Ok(Some((bytes, (file, to..range.end))))
        })
        .boxed()
    }

    /// Reads the whole body.
    pub fn all(&self) -> Bytestream {
        self.read(0..self.info.size)
    }
}
