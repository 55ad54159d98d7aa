//! A call and its answer.

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, Request};
use jiff::Timestamp;
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
    /// An answer without headers, for those who try what they make of one.
    pub fn of(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the status says that the system is in trouble, so that the question was not answered:
    /// 429 and 5xx, but for 501 (RFC 9110 §15.6.2), which is an answer.
    pub fn is_outage(&self) -> bool {
        is_outage(self.status)
    }

    /// When the system says that it answered (RFC 9110 §6.6.1), to the second; nothing if it does not say
    /// so, or not in the one form that everybody must send.
    pub fn date(&self) -> Option<Timestamp> {
        let text = self.headers.get(DATE)?.to_str().ok()?;
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(date.timestamp())
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

pub(crate) fn is_outage(status: u16) -> bool {
    status == 429 || (status >= 500 && status != 501)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_and_anything_else_is_none() {
        let date = |text: Option<&str>| {
            let mut answer = Answer {
                status: 200,
                headers: HeaderMap::new(),
                body: Bytes::new(),
            };
            if let Some(text) = text {
                answer.headers.insert(DATE, text.parse().unwrap());
            }
            answer.date()
        };
        let then: Timestamp = "2026-11-24T09:11:54Z".parse().unwrap();
        assert_eq!(date(Some("Tue, 24 Nov 2026 09:11:54 GMT")), Some(then));
        for nothing in [None, Some(""), Some("yesterday"), Some("1764000000")] {
            assert_eq!(date(nothing), None, "{nothing:?}");
        }
    }
}
