//! The body of an answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use crate::Fault;
use crate::fault::told;

/// A body as it comes. One that does not move for the time that the settings give it is a fault; a
/// slow one is not. The call counts as under way until it is dropped.
pub struct ResponseBody {
    body: reqwest::Body,
    system: &'static str,
    operation: &'static str,
    limit: Duration,
    /// Set while nothing comes.
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    _place: OwnedSemaphorePermit,
}

impl ResponseBody {
    pub(crate) fn new(
        body: reqwest::Body,
        system: &'static str,
        operation: &'static str,
        limit: Duration,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            body,
            system,
            operation,
            limit,
            timer: None,
            waiting: false,
            _place: place,
        }
    }

    /// Returns the next bytes; `None` after the last. A body that ends before the length that was
    /// announced is a fault.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let next = std::future::poll_fn(|context| Pin::new(&mut *self).poll_frame(context));
            match next.await.transpose()? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    pub(crate) fn names(&self) -> (&'static str, &'static str) {
        (self.system, self.operation)
    }

    /// Whether the time is over.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| {
            self.waiting = true;
            Box::pin(sleep(self.limit))
        });
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + self.limit);
        }
        timer.as_mut().poll(context).is_ready()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let (system, operation) = self.names();
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending if self.is_late(context) => {
                let within = self.limit;
                Poll::Ready(Some(Err(Fault::Late {
                    system,
                    operation,
                    within,
                })))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(next) => {
                self.waiting = false;
                Poll::Ready(next.map(|next| {
                    next.map_err(|error| Fault::Unreachable {
                        system,
                        operation,
                        why: told(error),
                    })
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}
