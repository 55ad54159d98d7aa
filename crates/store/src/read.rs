//! Reading a body.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;

use crate::disk::DiskFile;
use crate::{Bytestream, ObjectInfo};

/// The largest piece that a body is read in.
const PIECE_BYTES: u64 = 256 * 1024;

/// One version of an object, open for reading.
#[derive(Debug, Clone)]
pub struct Object {
    /// What is known of this version.
    pub info: ObjectInfo,
    file: Arc<dyn DiskFile>,
    offset: u64,
}

impl Object {
    /// For implementations: an object whose body is in `file` from `offset` on.
    pub fn new(info: ObjectInfo, file: Arc<dyn DiskFile>, offset: u64) -> Self {
        Self { info, file, offset }
    }

    /// Reads the bytes from `range.start` up to but without `range.end`, and no others; what lies
    /// behind the body's end is left out. Reads as the stream is polled, 256 KiB at a time; what is
    /// in the page cache is read without changing threads.
    pub fn read(&self, range: Range<u64>) -> Bytestream {
        let end = range.end.min(self.info.size);
        let start = range.start.min(end);
        let file = Arc::clone(&self.file);
        let offset = self.offset;
        stream::try_unfold((file, start..end), move |(file, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let to = range.end.min(range.start + PIECE_BYTES);
            let length = usize::try_from(to - range.start).map_err(io::Error::other)?;
            let bytes = read_piece(&file, offset + range.start, length).await?;
            Ok(Some((bytes, (file, to..range.end))))
        })
        .boxed()
    }

    /// Reads the whole body.
    pub fn all(&self) -> Bytestream {
        self.read(0..self.info.size)
    }

    /// The file that the body is in.
    pub(crate) fn file(&self) -> &dyn DiskFile {
        &*self.file
    }
}

/// Reads from the page cache as far as it goes, and the rest on a thread that may block.
async fn read_piece(file: &Arc<dyn DiskFile>, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; length];
    let mut done = 0;
    while done < length {
        match file.read_cached_at(&mut bytes[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(more) => done += more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let file = Arc::clone(file);
                let reading = tokio::task::spawn_blocking(move || {
                    file.read_exact_at(&mut bytes[done..], offset + done as u64)?;
                    io::Result::Ok(bytes)
                });
                return Ok(reading.await.map_err(io::Error::other)??.into());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes.into())
}
