//! A response's body that reports when it has been sent.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use hyper::body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::access::Record;
use crate::pace::Busy;

pin_project! {
    /// The service's body. When it is done with, by whichever end, the request's line goes to the log and the
    /// connection is between requests again.
    pub(crate) struct Answer<B> {
        #[pin]
        body: B,
        record: Record,
        busy: Busy,
    }
}

impl<B> Answer<B> {
    pub(crate) fn new(body: B, record: Record, busy: Busy) -> Self {
        Self { body, record, busy }
    }
}

impl<B: Body> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            this.record.sent(data.remaining());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
