//! The body of a request.

use std::fmt;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sync_wrapper::SyncWrapper;

use super::file::FileRange;
use super::{Progress, ResponseBody};

/// Bytes in memory go out in pieces of this size, so that it shows whether they move. They are not
/// copied.
const PIECE_BYTES: usize = 256 << 10;

/// A body whose length is known before it is sent: bytes, a range of a file, or another body.
pub struct RequestBody {
    source: Source,
    /// How many bytes are to come.
    left: u64,
    progress: Option<Progress>,
}

enum Source {
    Bytes(Bytes),
    File(FileRange),
    Other(SyncWrapper<Pin<Box<dyn Body<Data = Bytes, Error = io::Error> + Send>>>),
}

impl RequestBody {
    /// `length` bytes of a file from `offset` on, read by a thread that may block.
    pub fn file(file: Arc<File>, offset: u64, length: u64) -> Self {
        Self {
            source: Source::File(FileRange::new(file, offset, length)),
            left: length,
            progress: None,
        }
    }

    /// Another body of that length, in bytes. Sending fails if it has more or fewer.
    pub fn wrap<B>(body: B, length: u64) -> Self
    where
        B: Body<Data = Bytes, Error = io::Error> + Send + 'static,
    {
        Self {
            source: Source::Other(SyncWrapper::new(Box::pin(body))),
            left: length,
            progress: None,
        }
    }

    /// The body of an answer, passed on. Its length is the answer's `Content-Length`.
    pub fn relay(body: ResponseBody, length: u64) -> Self {
        Self::wrap(Relay(body), length)
    }

    /// How many bytes are still to be sent.
    pub fn length(&self) -> u64 {
        self.left
    }

    /// The same body from its beginning, if it can be sent twice: bytes that were not begun, and
    /// ranges of files.
    pub fn replay(&self) -> Option<Self> {
        let (source, left) = match &self.source {
            Source::Bytes(bytes) => (Source::Bytes(bytes.clone()), self.left),
            Source::File(range) => {
                let (range, length) = range.again();
                (Source::File(range), length)
            }
            Source::Other(_) => return None,
        };
        Some(Self {
            source,
            left,
            progress: None,
        })
    }

    /// The same body, counted.
    pub(crate) fn counted(mut self, progress: Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Judges what the source gave: no more and no fewer bytes than were announced.
    fn judge(&mut self, piece: Option<io::Result<Bytes>>) -> Option<io::Result<Bytes>> {
        let piece = match piece {
            Some(Ok(piece)) => piece,
            None if self.left > 0 => {
                let short = io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the body ended before its length",
                );
                self.left = 0;
                return Some(Err(short));
            }
            end => return end,
        };
        let Some(left) = self.left.checked_sub(piece.len() as u64) else {
            return Some(Err(io::Error::other("the body is longer than its length")));
        };
        self.left = left;
        if let Some(progress) = &self.progress {
            progress.add(piece.len());
        }
        Some(Ok(piece))
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        Self {
            left: bytes.len() as u64,
            source: Source::Bytes(bytes),
            progress: None,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = match &mut self.source {
            Source::Bytes(bytes) if bytes.is_empty() => None,
            Source::Bytes(bytes) => Some(Ok(bytes.split_to(bytes.len().min(PIECE_BYTES)))),
            Source::File(range) => ready!(range.poll(context)),
            Source::Other(body) => loop {
                match ready!(body.get_mut().as_mut().poll_frame(context)) {
                    None => break None,
                    Some(Err(error)) => break Some(Err(error)),
                    // Trailers are not sent on: their names would have to be announced.
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            break Some(Ok(data));
                        }
                    }
                }
            },
        };
        Poll::Ready(self.judge(piece).map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A fault of the answer is an error of the request that passes it on.
struct Relay(ResponseBody);

impl Body for Relay {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = ready!(Pin::new(&mut self.0).poll_frame(context));
        Poll::Ready(next.map(|next| next.map_err(io::Error::other)))
    }
}

/// Bodies may hold what must not be seen.
impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;

    use super::*;

    async fn read(mut body: RequestBody) -> io::Result<(Vec<u8>, usize)> {
        let (mut all, mut pieces) = (Vec::new(), 0);
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let data = frame?.into_data().unwrap();
            all.extend_from_slice(&data);
            pieces += 1;
        }
        Ok((all, pieces))
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| index.to_le_bytes()[0]).collect()
    }

    #[tokio::test]
    async fn bytes_go_out_in_pieces_and_again() {
        let body = RequestBody::from(Bytes::from(pattern(600_000)));
        assert_eq!((body.length(), body.is_end_stream()), (600_000, false));
        let again = body.replay().unwrap();
        assert_eq!(read(body).await.unwrap(), (pattern(600_000), 3));
        assert_eq!(read(again).await.unwrap().0, pattern(600_000));
        assert!(RequestBody::from(Bytes::new()).is_end_stream());
    }

    #[tokio::test]
    async fn a_range_of_a_file_is_sent_and_one_that_is_not_there_is_not() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&pattern(600_000)).unwrap();
        let file = Arc::new(file);
        let body = RequestBody::file(Arc::clone(&file), 1000, 599_000);
        let again = body.replay().unwrap();
        assert_eq!(read(body).await.unwrap().0, pattern(600_000)[1000..]);
        assert_eq!(again.length(), 599_000);
        let short = read(RequestBody::file(file, 1000, 600_000)).await;
        assert_eq!(short.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_body_of_another_length_fails() {
        let wrapped = |length| {
            let inner = RequestBody::from(Bytes::from_static(b"12345"));
            RequestBody::wrap(inner, length)
        };
        assert_eq!(read(wrapped(5)).await.unwrap().0, b"12345");
        assert!(read(wrapped(4)).await.is_err());
        assert!(read(wrapped(6)).await.is_err());
        assert!(wrapped(5).replay().is_none());
    }
}
