//! A call and its answer.

use bytes::Bytes;
use http::{HeaderMap, Request};
use serde::de::DeserializeOwned;

/// Whether a call may be made again when nobody knows what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Twice does the same as once: reading, deleting, setting.
    Safely,
    /// Only if it cannot have been done: no connection, or the answer was 429.
    OnlyIfNotDone,
}

/// A request to a system.
#[derive(Clone)]
pub struct Call {
    /// What is asked, in words that go after "cannot": `make an EC2 credential`.
    pub operation: &'static str,
    /// The request; its body is kept so that it can be sent again.
    pub request: Request<Bytes>,
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

impl Call {
    /// A call that may be repeated if its method says so (RFC 9110 §9.2.2: GET, HEAD, PUT, DELETE).
    pub fn new(operation: &'static str, request: Request<Bytes>) -> Self {
        let repeat = if request.method().is_idempotent() {
            Repeat::Safely
        } else {
            Repeat::OnlyIfNotDone
        };
        Self {
            operation,
            request,
            repeat,
        }
    }

    /// A call that reads although its method does not say so, or that mints what nobody misses.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Safely;
        self
    }
}

/// Requests hold tokens and signatures.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.operation)
            .field("repeat", &self.repeat)
            .finish_non_exhaustive()
    }
}

/// An answer that was read whole, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the status says that the system is in trouble, so that the question was not answered:
    /// 429 and 5xx, but for 501 (RFC 9110 §15.6.2), which is an answer.
    pub fn is_outage(&self) -> bool {
        self.status == 429 || (self.status >= 500 && self.status != 501)
    }

    /// The body as JSON. The error names the place and not the text, which may hold a secret.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            format!(
                "not the JSON it should be, line {}, column {}",
                error.line(),
                error.column()
            )
        })
    }

    /// The body as text, as far as it is.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// Answers hold tokens and secrets.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
