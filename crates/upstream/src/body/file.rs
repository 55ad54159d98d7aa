//! A range of a file, read by a thread that may block.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Bytes are read in pieces of this size.
const PIECE_BYTES: u64 = 256 << 10;
/// So many pieces are read before they are sent.
const PIECES_AHEAD: usize = 2;

/// The bytes of a file from an offset on, as many as were said to be there.
#[derive(Debug)]
pub(super) struct FileRange {
    file: Arc<File>,
    offset: u64,
    length: u64,
    /// Nothing until the first byte is asked for.
    pieces: Option<mpsc::Receiver<io::Result<Bytes>>>,
}

impl FileRange {
    pub(super) fn new(file: Arc<File>, offset: u64, length: u64) -> Self {
        Self {
            file,
            offset,
            length,
            pieces: None,
        }
    }

    /// The same bytes from their beginning, and how many they are.
    pub(super) fn again(&self) -> (Self, u64) {
        let again = Self::new(Arc::clone(&self.file), self.offset, self.length);
        (again, self.length)
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let pieces = self.pieces.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
            let file = Arc::clone(&self.file);
            let (offset, length) = (self.offset, self.length);
            tokio::task::spawn_blocking(move || read(&file, offset, length, &sender));
            receiver
        });
        pieces.poll_recv(context)
    }
}

fn read(file: &File, mut offset: u64, length: u64, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let end = offset.saturating_add(length);
    while offset < end {
        let size = PIECE_BYTES.min(end - offset);
        let mut piece = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        let read = file.read_exact_at(&mut piece, offset);
        let failed = read.is_err();
        // The request may have ended before.
        if sender.blocking_send(read.map(|()| piece.into())).is_err() || failed {
            return;
        }
        offset += size;
    }
}
