//! An endpoint that answers each request as a function says, and remembers them: for tests of clients.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

/// A request as far as tests look at it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method, path and query: `PUT /m13?policy=`.
    pub line: String,
    /// The head as it came, in lower case.
    pub head: String,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Asked {
    /// A header's value, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start))
    }

    /// Whose access key signed it, in lower case; empty if nobody's did.
    pub fn key(&self) -> &str {
        let (_, after) = self.head.split_once("credential=").unwrap_or_default();
        after.split('/').next().unwrap_or_default()
    }

    /// The body, which is text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Nothing until all of it is there.
    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let body = &bytes[end + 4..];
        let line = head.lines().next()?.rsplit_once(' ')?.0.to_owned();
        let mut asked = Self {
            line,
            head: head.to_ascii_lowercase(),
            body: body.to_vec(),
        };
        let length = asked.header("content-length").unwrap_or("0");
        let length: usize = length.parse().ok()?;
        asked.body.truncate(length);
        (body.len() >= length).then_some(asked)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Told {
    /// The status.
    pub status: u16,
    /// Header lines, each with its `\r\n`; the length and the end of the connection are told anyway.
    pub headers: String,
    /// The body; a HEAD is answered without.
    pub body: Vec<u8>,
    /// The connection breaks after so many bytes of the body.
    pub breaks_after: Option<usize>,
    /// The answer waits until so many requests are in flight at once, or ten seconds.
    pub waits_for: usize,
}

impl Told {
    /// A status and a body.
    pub fn of(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self {
            status,
            headers: String::new(),
            body: body.as_ref().to_vec(),
            breaks_after: None,
            waits_for: 0,
        }
    }

    /// With a header line more, which ends with `\r\n`.
    #[must_use]
    pub fn with(mut self, header: &str) -> Self {
        self.headers.push_str(header);
        self
    }

    /// 200 and a body.
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::of(200, body)
    }

    /// An error as Ceph's gateway writes it, without a message.
    pub fn error(status: u16, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message></Message></Error>"
        );
        Self::of(status, body)
    }
}

/// The endpoint, on loopback, until it is dropped.
#[derive(Debug)]
pub struct Scripted {
    /// Where it is.
    pub url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
    in_flight: Arc<watch::Sender<InFlight>>,
    task: JoinHandle<()>,
}

/// How many requests are in flight, and how many ever were at once.
#[derive(Debug, Clone, Copy, Default)]
struct InFlight {
    now: usize,
    most: usize,
}

impl Scripted {
    /// Answers with what `tell` says, one request a connection.
    pub async fn start(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let url = url.parse().map_err(io::Error::other)?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let in_flight = Arc::new(watch::Sender::default());
        let (kept, tell) = (Arc::clone(&asked), Arc::new(tell));
        let count = Arc::clone(&in_flight);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, tell) = (Arc::clone(&kept), Arc::clone(&tell));
                let count = Arc::clone(&count);
                // That a client hangs up is for its test to see.
                tokio::spawn(async move { serve(stream, &kept, &count, &*tell).await.ok() });
            }
        });
        Ok(Self {
            url,
            asked,
            in_flight,
            task,
        })
    }

    /// What was asked so far, in its order.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests were in flight at once, at most.
    pub fn most_in_flight(&self) -> usize {
        self.in_flight.borrow().most
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    kept: &Mutex<Vec<Asked>>,
    in_flight: &watch::Sender<InFlight>,
    tell: &(dyn Fn(&Asked) -> Told + Send + Sync),
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut part = vec![0; 1 << 16];
    let asked = loop {
        let got = timeout(Duration::from_secs(10), stream.read(&mut part)).await??;
        if got == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&part[..got]);
        if let Some(asked) = Asked::read(&bytes) {
            break asked;
        }
    };
    in_flight.send_modify(|count| {
        count.now += 1;
        count.most = count.most.max(count.now);
    });
    let all = kept.lock();
    all.unwrap_or_else(PoisonError::into_inner)
        .push(asked.clone());
    let told = tell(&asked);
    let mut count = in_flight.subscribe();
    let enough = count.wait_for(|count| count.most >= told.waits_for);
    timeout(Duration::from_secs(10), enough).await.ok();
    let sent = send(stream, &asked, &told).await;
    in_flight.send_modify(|count| count.now -= 1);
    sent
}

async fn send(mut stream: TcpStream, asked: &Asked, told: &Told) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {} x\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
        told.status,
        told.headers,
        told.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if !asked.line.starts_with("HEAD ") {
        let end = told.breaks_after.unwrap_or(told.body.len());
        stream.write_all(&told.body[..end]).await?;
    }
    stream.shutdown().await
}
