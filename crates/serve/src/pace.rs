//! The timeouts of a connection: idle, in the middle of headers, and while it accepts no response.
//!
//! hyper has one timer for the first two. But a proxy needs idle connections for longer than a client may
//! need to send headers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::settings::ServeSettings;

/// The state of a connection, set by its request handlers. Even: between requests; odd: in one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(Arc<AtomicU64>);

/// A request in progress; dropping it marks the connection as between requests.
#[derive(Debug)]
pub(crate) struct Busy(Pace);

impl Pace {
    pub(crate) fn busy(&self) -> Busy {
        self.0.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    fn step(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream that ends by itself when its limits are passed: quietly when idle, with
/// [`io::ErrorKind::TimedOut`] otherwise.
#[derive(Debug)]
pub(crate) struct Paced<IO> {
    io: IO,
    pace: Pace,
    headers_within: Duration,
    idle_within: Duration,
    stalled_after: Duration,
    step: u64,
    in_headers: bool,
    reading: Timer,
    writing: Timer,
}

impl<IO> Paced<IO> {
    /// A new connection: its first request's headers are due at once.
    pub(crate) fn new(io: IO, settings: &ServeSettings) -> Self {
        Self {
            io,
            pace: Pace::default(),
            headers_within: settings.headers_within,
            idle_within: settings.idle_within,
            stalled_after: settings.stalled_after,
            step: 0,
            in_headers: true,
            reading: Timer::default(),
            writing: Timer::default(),
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace.clone()
    }

    /// Handles the outcome of a write; the timer runs while the client accepts nothing.
    fn written<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.writing.stop();
            // A connection that accepts data is not idle.
            self.reading.stop();
            return outcome;
        }
        match self.writing.poll(self.stalled_after, cx) {
            Poll::Ready(()) => {
                Poll::Ready(Err(timed_out("the client accepts no more of the response")))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Paced<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let step = this.pace.step();
        if step != this.step {
            this.step = step;
            this.in_headers = false;
            this.reading.stop();
        }
        let between_requests = step.is_multiple_of(2);
        let filled = buffer.filled().len();
        if let Poll::Ready(outcome) = Pin::new(&mut this.io).poll_read(cx, buffer) {
            if between_requests && !this.in_headers && buffer.filled().len() > filled {
                this.in_headers = true;
                this.reading.stop();
            }
            return Poll::Ready(outcome);
        }
        if !between_requests {
            // `RequestBody` has its own timeout.
            return Poll::Pending;
        }
        if this.in_headers {
            let late = this.reading.poll(this.headers_within, cx);
            late.map(|()| Err(timed_out("the request's headers did not come in time")))
        } else {
            this.reading.poll(this.idle_within, cx).map(Ok)
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Paced<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.written(outcome, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        this.written(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_flush(cx) {
            // Nothing to flush says nothing about the client.
            Poll::Ready(outcome) => Poll::Ready(outcome),
            Poll::Pending => this.written(Poll::Pending, cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_shutdown(cx);
        this.written(outcome, cx)
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// A timer that starts at its first poll after a stop, and keeps its allocation.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl Timer {
    fn stop(&mut self) {
        self.running = false;
    }

    fn poll(&mut self, within: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let until = Instant::now() + within;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if !self.running {
            self.running = true;
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn pair() -> (DuplexStream, Paced<DuplexStream>) {
        let (client, server) = duplex(64);
        (client, Paced::new(server, &ServeSettings::default()))
    }

    async fn secs(of: impl Future<Output = ()>) -> u64 {
        let began = Instant::now();
        of.await;
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn slow_headers_are_cut_off_however_steadily_they_come() {
        let (mut client, mut server) = pair();
        let trickle = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let took = secs(async {
            let error = loop {
                if let Err(error) = server.read_u8().await {
                    break error;
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        })
        .await;
        assert_eq!(took, 20);
        trickle.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_quietly_and_a_begun_request_has_its_own_time() {
        let (mut client, mut server) = pair();
        drop(server.pace().busy());
        let took = secs(async { assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0) }).await;
        assert_eq!(took, 75);

        let (mut client_2, mut server) = pair();
        drop(server.pace().busy());
        let late = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(70)).await;
            client_2.write_all(b"G").await.unwrap();
            client_2
        });
        let took = secs(async {
            assert_eq!(server.read_u8().await.unwrap(), b'G');
            assert!(server.read_u8().await.is_err());
        })
        .await;
        assert_eq!(took, 90);
        drop(late.await.unwrap());
        client.shutdown().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_runs_while_a_request_is_answered() {
        let (_client, mut server) = pair();
        let _busy = server.pace().busy();
        let hour = tokio::time::timeout(Duration::from_hours(1), server.read_u8());
        assert!(hour.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (_client, mut server) = pair();
        let took = secs(async {
            let error = server.write_all(&[0; 1000]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        })
        .await;
        assert_eq!(took, 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_slowly_is_not() {
        let (mut client, mut server) = pair();
        let reader = tokio::spawn(async move {
            let mut chunk = [0; 10];
            let mut taken = 0;
            while taken < 1000 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                taken += client.read(&mut chunk).await.unwrap();
            }
        });
        server.write_all(&[0; 1000]).await.unwrap();
        reader.await.unwrap();
    }
}
