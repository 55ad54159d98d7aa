//! A file that is written on a thread of its own while its bytes come.

use std::path::PathBuf;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ObjectError;
use crate::disk::{Disk, ended};
use crate::part::Part;

/// Pieces that may wait for the disk.
const MAX_QUEUED_PIECES: usize = 8;

enum Message {
    Piece(Bytes),
    End { replace: bool },
}

/// Writes a [`Part`]. If it is dropped before its end, the thread removes the half file.
#[derive(Debug)]
pub(crate) struct Writer {
    messages: mpsc::Sender<Message>,
    thread: JoinHandle<Result<(), ObjectError>>,
}

impl Writer {
    /// Begins the file `to`, whose folder is there.
    pub(crate) fn begin(disk: &Disk, to: PathBuf) -> Self {
        let (messages, receiver) = mpsc::channel(MAX_QUEUED_PIECES);
        Self {
            messages,
            thread: disk.spawn(move || write(&to, receiver)),
        }
    }

    /// Writes the next bytes, or waits until they can be.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        match self.messages.send(Message::Piece(bytes)).await {
            Ok(()) => Ok(()),
            Err(_) => self.outcome().await,
        }
    }

    /// Gives the file its right name; unless `replace`, only if nothing is called so.
    pub(crate) async fn finish(mut self, replace: bool) -> Result<(), ObjectError> {
        // If it has ended already, the outcome says why.
        let _ = self.messages.send(Message::End { replace }).await;
        self.outcome().await
    }

    /// Removes the half file, and returns when it is gone.
    pub(crate) async fn discard(self) {
        let Self { messages, thread } = self;
        drop(messages);
        // Its result says nothing more than the error for which the file is discarded.
        let _ = thread.await;
    }

    async fn outcome(&mut self) -> Result<(), ObjectError> {
        match (&mut self.thread).await {
            Ok(outcome) => outcome,
            Err(error) => ended(error).await,
        }
    }
}

fn write(to: &std::path::Path, mut messages: mpsc::Receiver<Message>) -> Result<(), ObjectError> {
    let mut part = Part::begin(to)?;
    loop {
        match messages.blocking_recv() {
            Some(Message::Piece(bytes)) => part.write(&bytes)?,
            Some(Message::End { replace }) => return part.finish(replace),
            None => return Ok(()),
        }
    }
}
