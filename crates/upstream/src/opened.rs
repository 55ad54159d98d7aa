//! An answer that is read piece by piece, since it may be longer than what one wants in memory.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::fault::told;
use crate::send::whole;
use crate::{Answer, Fault, Settings};

/// The head of an answer, and its body as it comes. It counts as under way until it is dropped.
pub struct Opened {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
    system: &'static str,
    operation: &'static str,
    /// Each piece must come within this; see [`Settings::attempt`].
    patience: Duration,
    longest: usize,
    _place: OwnedSemaphorePermit,
}

impl Opened {
    pub(crate) fn new(
        response: reqwest::Response,
        operation: &'static str,
        settings: &Settings,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            response,
            system: settings.system,
            operation,
            patience: settings.attempt,
            longest: settings.longest,
            _place: place,
        }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The next piece of the body; nothing at its end. A body that ends before the length that was
    /// announced, or does not go on, is a fault.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        let Ok(chunk) = timeout(self.patience, self.response.chunk()).await else {
            return Err(self.late());
        };
        chunk.map_err(|error| Fault::Unreachable {
            system: self.system,
            operation: self.operation,
            why: told(error),
        })
    }

    /// All of it, up to the limit of every answer; for errors, which are short.
    pub async fn read(self) -> Result<Answer, Fault> {
        let late = self.late();
        let reading = whole(self.response, self.system, self.operation, self.longest);
        timeout(self.patience, reading).await.unwrap_or(Err(late))
    }

    fn late(&self) -> Fault {
        Fault::Late {
            system: self.system,
            operation: self.operation,
            within: self.patience,
        }
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
