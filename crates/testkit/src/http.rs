//! An HTTP/1.1 server on loopback that answers each request as a test says, and remembers them.
//! It serves one request a connection.

mod request;
mod response;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

pub use request::Request;
pub use response::Response;

/// A server, until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Its address as a URL that ends with `/`.
    pub url: Url,
    /// Its address.
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    requests: Vec<Request>,
    concurrent: usize,
    max_concurrent: usize,
}

type Respond = dyn Fn(&Request) -> Response + Send + Sync;

impl Server {
    /// Starts a server that answers each request with what `respond` returns.
    pub async fn start(
        respond: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}/").parse();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(accept(listener, Arc::new(respond), Arc::clone(&seen)));
        Ok(Self {
            url: url.map_err(io::Error::other)?,
            address,
            seen,
            task,
        })
    }

    /// Starts a server that gives these answers, one to each request, and then none.
    pub async fn sequence(responses: Vec<Response>) -> io::Result<Self> {
        let remaining = Mutex::new(responses.into_iter());
        Self::start(move |_| lock(&remaining).next().unwrap_or_else(Response::none)).await
    }

    /// Returns the requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.seen).requests.clone()
    }

    /// Returns how many requests it worked on at once, at most.
    pub fn max_concurrent(&self) -> usize {
        lock(&self.seen).max_concurrent
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, respond: Arc<Respond>, seen: Arc<Mutex<Seen>>) {
    // They end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&respond), Arc::clone(&seen)));
    }
}

// A client that closes its connection is the test's matter, so errors end here.
async fn serve(
    mut stream: TcpStream,
    respond: Arc<Respond>,
    seen: Arc<Mutex<Seen>>,
) -> io::Result<()> {
    let Some(request) = read(&mut stream).await? else {
        return Ok(());
    };
    {
        let mut seen = lock(&seen);
        seen.requests.push(request.clone());
        seen.concurrent += 1;
        seen.max_concurrent = seen.max_concurrent.max(seen.concurrent);
    }
    let response = respond(&request);
    tokio::time::sleep(response.delay).await;
    lock(&seen).concurrent -= 1;
    stream.write_all(&response.bytes(&request)).await?;
    stream.shutdown().await
}

/// Reads a whole request, or nothing if the client closes the connection before its end.
async fn read(stream: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let mut part = vec![0; 1 << 16];
    loop {
        let count = stream.read(&mut part).await?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&part[..count]);
        if let Some(request) = Request::parse(&bytes) {
            return Ok(Some(request));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn exchange(server: &Server, text: &str) -> String {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_is_read_answered_and_remembered() {
        let server = Server::start(|request| Response::ok(request.text()).header("a: b"))
            .await
            .unwrap();
        let text = "PUT /m13?policy= HTTP/1.1\r\nX-Two: 2\r\ncontent-length: 4\r\n\r\nbody";
        let answer = exchange(&server, text).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("\r\na: b\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nbody"), "{answer}");
        let requests = server.requests();
        assert_eq!(requests[0].line, "PUT /m13?policy=");
        assert_eq!(requests[0].header("x-two"), Some("2"));
        assert_eq!(server.max_concurrent(), 1);
    }

    #[tokio::test]
    async fn after_a_sequence_there_are_no_answers() {
        let responses = vec![Response::status(503), Response::ok("0123").truncated(2)];
        let server = Server::sequence(responses).await.unwrap();
        let get = "GET / HTTP/1.1\r\n\r\n";
        assert!(exchange(&server, get).await.starts_with("HTTP/1.1 503 "));
        assert!(exchange(&server, get).await.ends_with("\r\n\r\n01"));
        assert_eq!(exchange(&server, get).await, "");
        assert_eq!(server.requests().len(), 3);
    }

    #[tokio::test]
    async fn a_head_is_answered_without_the_body() {
        let server = Server::sequence(vec![Response::ok("body")]).await.unwrap();
        let answer = exchange(&server, "HEAD / HTTP/1.1\r\n\r\n").await;
        assert!(answer.contains("content-length: 4"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
}
