//! A server that answers each connection as the script says, one request a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    Answer(&'static str),
    Status(u16),
    Slow(Duration),
    Redirect,
    Reset,
    Truncate,
    BlackHole,
    /// Ten bytes, one after each pause.
    Trickle(Duration),
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Server {
    pub(crate) async fn start(script: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let counted = counts.clone();
        let task = tokio::spawn(async move {
            for step in script {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, step, counted.clone()));
            }
        });
        Self {
            address,
            counts,
            task,
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.counts.most.load(Ordering::SeqCst)
    }

    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn serve(mut stream: TcpStream, step: Script, counts: Arc<Counts>) {
    let mut read = [0; 4096];
    let got = stream.read(&mut read).await.unwrap_or(0);
    if got == 0 {
        return;
    }
    counts.requests.fetch_add(1, Ordering::SeqCst);
    let now = counts.now.fetch_add(1, Ordering::SeqCst) + 1;
    counts.most.fetch_max(now, Ordering::SeqCst);
    let (wait, text) = match step {
        Script::Answer(body) => (Duration::ZERO, answer(200, body)),
        Script::Status(status) => (Duration::ZERO, answer(status, "")),
        Script::Slow(wait) => (wait, answer(200, "")),
        Script::Redirect => (
            Duration::ZERO,
            "HTTP/1.1 307 x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
        ),
        Script::Truncate => (
            Duration::ZERO,
            "HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nshort".to_owned(),
        ),
        Script::Reset => (Duration::ZERO, String::new()),
        Script::BlackHole => (Duration::from_secs(30), String::new()),
        Script::Trickle(pause) => {
            let head = "HTTP/1.1 200 x\r\ncontent-length: 10\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            for digit in b"0123456789" {
                tokio::time::sleep(pause).await;
                let _ = stream.write_all(&[*digit]).await;
            }
            (Duration::ZERO, String::new())
        }
    };
    tokio::time::sleep(wait).await;
    counts.now.fetch_sub(1, Ordering::SeqCst);
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn answer(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
