//! An answer whose body streams, since it may be longer than what one wants in memory.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;

use crate::{Answer, Fault, ResponseBody, Settings};

/// The head of an answer, and its body as it comes. It counts as under way until it is dropped.
pub struct Opened {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: ResponseBody,
    longest: usize,
    within: Duration,
}

impl Opened {
    pub(crate) fn new(
        response: reqwest::Response,
        operation: &'static str,
        settings: &Settings,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let (head, body) = http::Response::from(response).into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: ResponseBody::new(body, settings.system, operation, settings.attempt, place),
            longest: settings.longest,
            within: settings.attempt,
        }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The next piece of the body; nothing at its end. A body that ends before the length that was
    /// announced, or does not go on, is a fault.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        self.body.chunk().await
    }

    /// The body, to be passed on as it comes.
    pub fn into_body(self) -> ResponseBody {
        self.body
    }

    /// All of it, up to the limit of every answer; for errors, which are short.
    pub async fn read(mut self) -> Result<Answer, Fault> {
        let (system, operation) = self.body.names();
        let reading = async {
            let mut whole = BytesMut::new();
            while let Some(piece) = self.body.chunk().await? {
                if whole.len() + piece.len() > self.longest {
                    return Err(Fault::TooLong {
                        system,
                        operation,
                        limit: self.longest,
                    });
                }
                whole.extend_from_slice(&piece);
            }
            Ok(whole.freeze())
        };
        let within = self.within;
        let late = |_| Fault::Late {
            system,
            operation,
            within,
        };
        let body = tokio::time::timeout(within, reading)
            .await
            .map_err(late)??;
        Ok(Answer {
            status: self.status,
            headers: self.headers,
            body,
        })
    }
}

/// Headers may hold what must not be seen.
impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
