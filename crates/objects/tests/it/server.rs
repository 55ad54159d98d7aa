//! A server that answers each request as a function says, and remembers them; and keys for it.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use md5::{Digest, Md5};
use skykey_objects::{Keys, NoKeys, ObjectAddress, Objects, ObjectsSettings};
use skykey_types::{AccessKeyId, Credentials, ManualClock, Secret, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A request as far as the tests look at it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method, path and query.
    pub(crate) line: String,
    /// The head as it came, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start))
    }

    /// Whose access key signed it.
    pub(crate) fn key(&self) -> &str {
        let (_, after) = self.head.split_once("credential=").unwrap();
        after.split('/').next().unwrap()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
    /// The connection breaks after so many bytes of the body.
    pub(crate) breaks_after: Option<usize>,
}

pub(crate) struct Server {
    pub(crate) objects: Objects,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        Self::start_with(Arc::new(Fixed), tell).await
    }

    /// With those keys.
    pub(crate) async fn start_with(
        keys: Arc<dyn Keys>,
        tell: impl Fn(&Asked) -> Told + Send + Sync + 'static,
    ) -> Self {
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
        let settings = ObjectsSettings {
            endpoint: endpoint.parse().unwrap(),
            region: "us-east-1".to_owned(),
        };
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let objects = Objects::new(settings, keys, Arc::new(clock)).unwrap();
        Self {
            objects,
            asked,
            task,
        }
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
    let mut bytes = Vec::new();
    let mut part = vec![0; 1 << 16];
    let asked = loop {
        let read = timeout(Duration::from_secs(10), stream.read(&mut part)).await;
        let Ok(Ok(got @ 1..)) = read else { return };
        bytes.extend_from_slice(&part[..got]);
        if let Some(asked) = whole(&bytes) {
            break asked;
        }
    };
    kept.lock().unwrap().push(asked.clone());
    let told = tell(&asked);
    let head = format!(
        "HTTP/1.1 {} x\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
        told.status,
        told.headers,
        told.body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    if !asked.line.starts_with("HEAD ") {
        let end = told.breaks_after.unwrap_or(told.body.len());
        let _ = stream.write_all(&told.body[..end]).await;
    }
    let _ = stream.shutdown().await;
}

fn whole(bytes: &[u8]) -> Option<Asked> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let body = &bytes[end + 4..];
    let lower = head.to_ascii_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let line = head.lines().next()?.rsplit_once(' ')?.0.to_owned();
    (body.len() >= length).then(|| Asked {
        line,
        head: lower,
        body: body.to_vec(),
    })
}

/// An error as RGW writes it.
pub(crate) fn error(status: u16, code: &str) -> Told {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message></Message></Error>");
    Told {
        status,
        headers: String::new(),
        body: body.into_bytes(),
        breaks_after: None,
    }
}

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Told {
    Told {
        status: 200,
        headers: String::new(),
        body: body.into(),
        breaks_after: None,
    }
}

pub(crate) fn etag(content: &[u8]) -> String {
    format!("\"{}\"", hex::encode(Md5::digest(content)))
}

/// An object, whole or from the byte on that was asked for, if that is still of the same one.
pub(crate) fn object(asked: &Asked, content: &[u8]) -> Told {
    let etag = etag(content);
    let headers = format!("etag: {etag}\r\n");
    let Some(range) = asked.header("range") else {
        return Told {
            headers,
            ..ok(content)
        };
    };
    if asked.header("if-match") != Some(&etag) {
        return error(412, "PreconditionFailed");
    }
    let begin = range
        .strip_prefix("bytes=")
        .unwrap()
        .strip_suffix('-')
        .unwrap();
    let begin: usize = begin.parse().unwrap();
    let length = content.len();
    Told {
        status: 206,
        headers: format!(
            "{headers}content-range: bytes {begin}-{}/{length}\r\n",
            length - 1
        ),
        ..ok(&content[begin..])
    }
}

/// A listing of one page, of objects that are as [`content`] has them.
pub(crate) fn listing(entries: &[(&str, usize)]) -> Told {
    let mut text = String::from("<ListBucketResult><IsTruncated>false</IsTruncated>");
    for (key, size) in entries {
        let etag = etag(&content(*size)).replace('"', "&quot;");
        let _ = write!(
            text,
            "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{etag}</ETag></Contents>"
        );
    }
    text += "</ListBucketResult>";
    ok(text)
}

pub(crate) fn credentials(name: &str) -> Arc<Credentials> {
    Arc::new(Credentials {
        access_key_id: AccessKeyId::new(name),
        secret_access_key: Secret::new("secret"),
        session_token: None,
        expiration: None,
    })
}

/// The same credentials for ever.
#[derive(Debug)]
struct Fixed;

#[async_trait]
impl Keys for Fixed {
    async fn now(&self) -> Result<Arc<Credentials>, NoKeys> {
        Ok(credentials("ak1"))
    }

    async fn after_refusal(&self, _: &AccessKeyId) -> Result<Arc<Credentials>, NoKeys> {
        Ok(credentials("ak1"))
    }
}

pub(crate) fn at(text: &str) -> ObjectAddress {
    text.parse().unwrap()
}

/// As many bytes, all over the alphabet.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| b'a' + u8::try_from(index % 23).unwrap())
        .collect()
}
