//! One connection, HTTP/1.1 with `Content-Length`, which is all that our clients speak.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Fault, Shared, lock, secrets};

const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_BODY_BYTES: usize = 8 << 20;
/// Longer than any client waits, and not for ever.
const NEVER: Duration = Duration::from_mins(2);

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Closed,
    Reset,
}

struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Serves requests until one of the two has enough. With `keeps` there may be several.
pub(super) async fn talk<S>(stream: &mut S, shared: &Shared, keeps: bool) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = Vec::new();
    while let Some(request) = read(stream, &mut buffer).await {
        secrets::of_request(shared, &request.headers, &request.body);
        let fault = shared.judge(&request.method, &request.path);
        let answer = match &fault {
            Fault::ResetBefore => return Ending::Reset,
            Fault::BlackHole => return swallow(stream).await,
            Fault::Answers(status, content_type, body) => Answer::of(*status, content_type, body),
            _ => {
                let Some(answer) = forward(shared, &request).await else {
                    return Ending::Reset;
                };
                secrets::of_answer(shared, &answer.headers, &answer.body);
                answer
            }
        };
        let answer = match &fault {
            Fault::ResetAfter => return Ending::Reset,
            Fault::FailsAfter(status) => Answer::of(*status, "text/plain", ""),
            Fault::Slow(by) => {
                tokio::time::sleep(*by).await;
                answer
            }
            _ => answer,
        };
        let mut bytes = answer.bytes(request.method == "HEAD", keeps);
        if fault == Fault::Truncated {
            // At least a byte of the body is missing.
            bytes.truncate(bytes.len() - 1 - answer.body.len() / 2);
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            return Ending::Closed;
        }
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
            return Ending::Closed;
        }
        if !keeps {
            let _ = stream.shutdown().await;
            return Ending::Closed;
        }
    }
    Ending::Closed
}

/// Waits until the client goes away.
async fn swallow<S: AsyncRead + Unpin>(stream: &mut S) -> Ending {
    let mut nothing = [0; 64];
    let gone = async { while matches!(stream.read(&mut nothing).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(NEVER, gone).await;
    Ending::Closed
}

/// The next request, if there is one. `buffer` holds what was read too much.
async fn read<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        more(stream, buffer, MAX_HEAD_BYTES).await?;
    };
    let head = String::from_utf8(buffer.drain(..end + 4).collect()).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(Some(0), |(_, value)| value.parse().ok())?;
    while buffer.len() < length {
        more(stream, buffer, MAX_BODY_BYTES).await?;
    }
    let body = buffer.drain(..length).collect();
    Some(Request {
        method,
        path,
        headers,
        body,
    })
}

async fn more<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    most: usize,
) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0 && buffer.len() <= most).then_some(())
}

/// The headers of one connection, which are not passed on.
fn is_hop(name: &str) -> bool {
    matches!(name, "connection" | "content-length" | "transfer-encoding")
}

/// The system's own answer, if there is one.
async fn forward(shared: &Shared, request: &Request) -> Option<Answer> {
    let target = (*lock(&shared.target))?;
    let url = format!("http://{target}{}", request.path);
    let mut asked = shared
        .http
        .request(request.method.parse().ok()?, url)
        .body(request.body.clone());
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_hop(name)) {
        asked = asked.header(name, value);
    }
    let answer = asked.send().await.ok()?;
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .filter(|(name, _)| !is_hop(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let body = answer.bytes().await.ok()?.to_vec();
    Some(Answer {
        status,
        headers,
        body,
    })
}

impl Answer {
    fn of(status: u16, content_type: &str, body: &str) -> Self {
        let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
        if matches!(status, 429 | 503) {
            headers.push(("retry-after".to_owned(), "1".to_owned()));
        }
        Self {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    fn bytes(&self, head_only: bool, keeps: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} .\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !matches!(self.status, 204 | 304) {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        if !keeps {
            head.push_str("connection: close\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}
