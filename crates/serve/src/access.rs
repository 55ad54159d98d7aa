//! The access log: a line for each request, after its response was sent.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use skykey_types::RequestId;
use tokio::time::Instant;

use crate::client::ClientAddr;
use crate::metrics::DoorMetrics;

/// The limit of a path in the log; longer ones are cut.
const MAX_LOGGED_PATH_BYTES: usize = 1024;
/// The status in the log of a request whose client disconnected before the response; as in nginx.
const CLIENT_GONE: u16 = 499;

/// The log record of one request. Dropping it writes the line (target `skykey::access`) and counts the request.
/// The query is left out: it can hold signatures and codes.
pub(crate) struct Record {
    metrics: DoorMetrics,
    method: Method,
    path: String,
    client: IpAddr,
    request_id: RequestId,
    began: Instant,
    status: u16,
    bytes: u64,
}

impl Record {
    pub(crate) fn begin<B>(
        metrics: &DoorMetrics,
        request: &Request<B>,
        client: ClientAddr,
        request_id: &RequestId,
    ) -> Self {
        Self {
            metrics: metrics.clone(),
            method: request.method().clone(),
            path: cut(request.uri().path()).into_owned(),
            client: client.0,
            request_id: request_id.clone(),
            began: Instant::now(),
            status: CLIENT_GONE,
            bytes: 0,
        }
    }

    /// Records the response's status.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = status.as_u16();
        self.metrics.answered_in(self.began.elapsed());
    }

    /// Counts sent bytes of the response's body.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.metrics.count(&self.method, self.status);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "skykey::access",
                    parent: None,
                    door = self.metrics.door(),
                    method = %self.method,
                    path = %self.path,
                    status = self.status,
                    bytes = self.bytes,
                    took_ms = millis(self.began.elapsed()),
                    client = %self.client,
                    request_id = self.request_id.as_str(),
                    "request"
                )
            };
        }
        // Monitoring calls these every few seconds.
        if matches!(&*self.path, "/healthz" | "/readyz" | "/metrics") {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

/// To the microsecond.
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

fn cut(path: &str) -> Cow<'_, str> {
    match path.char_indices().nth(MAX_LOGGED_PATH_BYTES) {
        None => path.into(),
        Some((at, _)) => format!("{}…", &path[..at]).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_cut() {
        assert_eq!(cut("/a"), "/a");
        let long = format!("/{}", "ä".repeat(5000));
        assert_eq!(cut(&long).chars().count(), MAX_LOGGED_PATH_BYTES + 1);
    }
}
