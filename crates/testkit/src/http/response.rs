use std::time::Duration;

use super::Request;

/// What the server answers to a request.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Header lines, each with its `\r\n`, beside `content-length` and `connection: close`.
    pub headers: String,
    /// The body. A HEAD gets its length only.
    pub body: Vec<u8>,
    /// The connection breaks after so many bytes of the body.
    pub breaks_after: Option<usize>,
    /// The time before the answer begins.
    pub delay: Duration,
    answers: bool,
}

impl Response {
    /// A status and a body.
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self {
            status,
            headers: String::new(),
            body: body.as_ref().to_vec(),
            breaks_after: None,
            delay: Duration::ZERO,
            answers: true,
        }
    }

    /// 200 and a body.
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::new(200, body)
    }

    /// A status and no body.
    pub fn status(status: u16) -> Self {
        Self::new(status, "")
    }

    /// No answer: the connection is closed.
    pub fn none() -> Self {
        Self {
            answers: false,
            ..Self::status(0)
        }
    }

    /// An error as Ceph's gateway writes it, with an empty message.
    pub fn s3_error(status: u16, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message></Message></Error>"
        );
        Self::new(status, body)
    }

    /// Adds a header: `etag: "abc"`.
    #[must_use]
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }

    /// Begins only after that time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Breaks the connection after so many bytes of the body.
    #[must_use]
    pub fn truncated(mut self, bytes: usize) -> Self {
        self.breaks_after = Some(bytes);
        self
    }

    /// Returns what goes over the connection.
    pub(super) fn bytes(&self, request: &Request) -> Vec<u8> {
        if !self.answers {
            return Vec::new();
        }
        let mut bytes = format!(
            "HTTP/1.1 {} x\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
            self.status,
            self.headers,
            self.body.len()
        )
        .into_bytes();
        if !request.line.starts_with("HEAD ") {
            let end = self.breaks_after.unwrap_or(self.body.len());
            bytes.extend_from_slice(&self.body[..end]);
        }
        bytes
    }
}
