//! What was pushed and not yet read.

use std::collections::VecDeque;

use bytes::Bytes;

/// The queue of what was pushed, and the beginning of a line whose end is still to come.
#[derive(Debug, Default)]
pub(super) struct Input {
    frames: VecDeque<Bytes>,
    partial: Vec<u8>,
    seen: bool,
}

/// The outcome of asking for a line.
#[derive(Debug)]
pub(super) enum Line {
    /// A line with its line feed.
    Whole(Bytes),
    /// The line feed is still to come.
    Partial,
    /// There are as many bytes as a line may have, and no line feed among them.
    TooLong,
}

impl Input {
    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.seen = true;
            self.frames.push_back(bytes);
        }
    }

    /// Returns whether nothing was ever pushed.
    pub(super) fn is_unread(&self) -> bool {
        !self.seen
    }

    /// Takes at most `limit` bytes, as many as the first frame has.
    pub(super) fn take(&mut self, limit: u64) -> Option<Bytes> {
        let frame = self.frames.front_mut()?;
        match usize::try_from(limit) {
            Ok(limit) if limit < frame.len() => Some(frame.split_to(limit)),
            _ => self.frames.pop_front(),
        }
    }

    /// Takes a line of at most `limit` bytes, with its line feed.
    pub(super) fn line(&mut self, limit: usize) -> Line {
        while let Some(frame) = self.frames.front_mut() {
            let room = limit - self.partial.len();
            let end = frame.iter().take(room).position(|byte| *byte == b'\n');
            match end {
                Some(end) if self.partial.is_empty() => {
                    return Line::Whole(frame.split_to(end + 1));
                }
                Some(end) => {
                    self.partial.extend_from_slice(&frame.split_to(end + 1));
                    return Line::Whole(std::mem::take(&mut self.partial).into());
                }
                None if frame.len() >= room => return Line::TooLong,
                None => {
                    self.partial.extend_from_slice(frame);
                    self.frames.pop_front();
                }
            }
        }
        Line::Partial
    }
}
