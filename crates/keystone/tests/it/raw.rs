//! A server that does with each connection what its script says, one request a connection.

use std::sync::{Arc, Mutex};

use skykey_keystone::Keystone;
use skykey_types::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::scripted::{NOW, client};

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// It is answered, with this status, token and body.
    Answer(u16, &'static str, String),
    /// The connection is cut when it was received.
    Cut,
}

impl Step {
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, "", String::new())
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Answer(status, "", body.to_string())
    }

    /// A login that works.
    pub(crate) fn token(token: &'static str) -> Self {
        let body = serde_json::json!({"token": {
            "user": {"id": "1", "name": "skykey"}, "project": {"id": "2", "name": "lsst"},
            "roles": [{"id": "3", "name": "member"}], "expires_at": "2026-11-23T10:00:00.000000Z",
        }});
        Self::Answer(201, token, body.to_string())
    }
}

pub(crate) struct Raw {
    pub(crate) keystone: Keystone,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    pub(crate) async fn new(script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            // Who comes after the script is told nothing, but is counted.
            for step in script.into_iter().chain(std::iter::repeat(Step::Cut)) {
                let (stream, _) = listener.accept().await.unwrap();
                serve(stream, step, &seen).await;
            }
        });
        let clock = ManualClock::at(NOW.parse().unwrap());
        Self {
            keystone: client(address, &clock),
            requests,
        }
    }

    /// The first lines of the requests that were received, without the version.
    pub(crate) fn requests(&self) -> Vec<String> {
        let line = |text: &String| {
            let first = text.lines().next().unwrap_or_default();
            first.trim_end_matches(" HTTP/1.1").to_owned()
        };
        self.requests.lock().unwrap().iter().map(line).collect()
    }
}

async fn serve(mut stream: TcpStream, step: Step, seen: &Mutex<Vec<String>>) {
    let mut text = String::new();
    let mut part = [0; 4096];
    while !is_whole(&text) {
        let length = stream.read(&mut part).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    seen.lock().unwrap().push(text);
    if let Step::Answer(status, token, body) = step {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nx-subject-token: {token}\r\nconnection: close\r\n\r\n{body}"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }
    let _ = stream.shutdown().await;
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    body.len() >= length
}
