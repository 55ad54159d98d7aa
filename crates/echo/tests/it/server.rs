//! A server that answers each request as a function says, and remembers them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use skykey_echo::{Echo, EchoSettings};
use skykey_types::{AccessKeyId, Credentials, ManualClock, Secret, Timestamp};
use skykey_upstream::UpstreamMetrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A request as far as the tests look at it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method, path and query: `PUT /m13?policy=`.
    pub(crate) line: String,
    /// The head as it came, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A status, headers and a body.
pub(crate) type Told = (u16, &'static str, String);

pub(crate) struct Server {
    pub(crate) echo: Echo,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers with what `tell` says.
    pub(crate) async fn start(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, tell) = (asked.clone(), Arc::new(tell));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, tell) = (kept.clone(), tell.clone());
                tokio::spawn(async move { serve(stream, &kept, &*tell).await });
            }
        });
        let settings = EchoSettings {
            endpoint: endpoint.parse().unwrap(),
            region: "us-east-1".to_owned(),
            authorities: None,
            metrics: UpstreamMetrics::default(),
            patience: None,
        };
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let echo = Echo::new(settings, Arc::new(clock)).unwrap();
        Self { echo, asked, task }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request a connection.
async fn serve(
    mut stream: TcpStream,
    kept: &Mutex<Vec<Asked>>,
    tell: &(dyn Fn(&Asked) -> Told + Send + Sync),
) {
    let mut text = Vec::new();
    let mut part = [0; 8192];
    let asked = loop {
        let read = timeout(Duration::from_secs(10), stream.read(&mut part)).await;
        let Ok(Ok(got @ 1..)) = read else { return };
        text.extend_from_slice(&part[..got]);
        if let Some(asked) = whole(&String::from_utf8_lossy(&text)) {
            break asked;
        }
    };
    kept.lock().unwrap().push(asked.clone());
    let (status, headers, body) = tell(&asked);
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn whole(text: &str) -> Option<Asked> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let lower = head.to_ascii_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let line = head.lines().next()?.rsplit_once(' ')?.0.to_owned();
    (body.len() >= length).then(|| Asked {
        line,
        head: lower,
        body: body.to_owned(),
    })
}

/// An error as RGW writes it.
pub(crate) fn error(status: u16, code: &str) -> Told {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message></Message></Error>"
    );
    (status, "", body)
}

pub(crate) fn ok(body: &str) -> Told {
    (200, "", body.to_owned())
}

pub(crate) fn credentials(name: &str) -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::new(name),
        secret_access_key: Secret::new("secret"),
        session_token: None,
        expiration: None,
    }
}
