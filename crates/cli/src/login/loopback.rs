//! The address of this machine that a browser comes back to after a login (RFC 8252 §7.3, §8.3): it listens on
//! 127.0.0.1 alone, for one answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, header};
use skykey_client::{ClientError, NotOurs};
use skykey_types::{LoginPorts, Secret};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use url::Url;

use super::page::Page;

/// How long a browser may take to fetch the last page.
const LAST_PAGE: Duration = Duration::from_secs(3);

/// The address, taken before the browser is sent away.
#[derive(Debug)]
pub(super) struct Listening {
    listener: TcpListener,
    port: u16,
}

/// The code, or why there is none; or that the request does not belong to this login.
pub(super) type Read = Result<Result<Secret, ClientError>, NotOurs>;

struct LoopbackState {
    /// Reads the query that a browser brings.
    read: Box<dyn Fn(&str) -> Read + Send + Sync>,
    /// What `Host` must be.
    host: String,
    /// Takes the one answer that counts.
    answer: Mutex<Option<oneshot::Sender<Result<Secret, ClientError>>>>,
    /// What became of it, for the page that is still open.
    outcome: watch::Receiver<Option<Page>>,
}

impl Listening {
    /// At the first of the ports that is free.
    pub(super) async fn at(ports: &LoginPorts) -> anyhow::Result<Self> {
        let ports: Vec<u16> = match ports {
            LoginPorts::Any => vec![0],
            LoginPorts::These(ports) => ports.iter().map(|port| port.get()).collect(),
        };
        for port in &ports {
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", *port)).await {
                let port = listener
                    .local_addr()
                    .context("cannot tell on which port we listen")?
                    .port();
                return Ok(Self { listener, port });
            }
        }
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        bail!(
            "none of the ports that this site lets a browser come back to is free on this machine ({}); run 'skykey login --device'",
            ports.join(", ")
        )
    }

    /// As the IAM has to be told.
    pub(super) fn redirect(&self) -> anyhow::Result<Url> {
        Ok(LoginPorts::redirect(self.port).parse()?)
    }

    /// Waits for the browser, hands what it brought to `finish`, and shows the page that says how that went. `read`
    /// tells what belongs to the login; everything else is refused, and `wait` continues.
    pub(super) async fn wait<T>(
        self,
        read: impl Fn(&str) -> Read + Send + Sync + 'static,
        finish: impl AsyncFnOnce(Secret) -> anyhow::Result<T>,
        patience: Duration,
    ) -> anyhow::Result<T> {
        let (answer, answered) = oneshot::channel();
        let (tell, outcome) = watch::channel(None);
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = Arc::new(LoopbackState {
            read: Box::new(read),
            host: format!("127.0.0.1:{}", self.port),
            answer: Mutex::new(Some(answer)),
            outcome,
        });
        let router = Router::new().fallback(come_back).with_state(shared);
        let serving = axum::serve(self.listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        let serving = tokio::spawn(serving.into_future());
        let result = match tokio::time::timeout(patience, answered).await {
            Ok(Ok(Ok(code))) => finish(code).await,
            Ok(Ok(Err(error))) => Err(error.into()),
            Ok(Err(_)) => Err(anyhow::anyhow!(
                "the address for the browser's return is closed; run 'skykey login' again"
            )),
            Err(_) => Err(anyhow::anyhow!(
                "the browser did not return within {} minutes; run 'skykey login' again, or 'skykey login --device' for another way",
                patience.as_secs() / 60
            )),
        };
        let page = if result.is_ok() {
            Page::Done
        } else {
            Page::Failed
        };
        tell.send_replace(Some(page));
        let _ = stop.send(());
        let _ = tokio::time::timeout(LAST_PAGE, serving).await;
        result
    }
}

async fn come_back(State(shared): State<Arc<LoopbackState>>, request: Request) -> Page {
    let host = request.headers().get(header::HOST);
    if host.is_none_or(|host| host.as_bytes() != shared.host.as_bytes()) {
        return Page::AnotherHost;
    }
    if request.uri().path() != "/callback" {
        return Page::Nothing;
    }
    if request.method() != Method::GET {
        return Page::Method;
    }
    let Ok(answer) = (shared.read)(request.uri().query().unwrap_or_default()) else {
        return Page::NotOurs;
    };
    let first = shared
        .answer
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(first) = first else {
        return Page::Answered;
    };
    if first.send(answer).is_err() {
        return Page::Failed;
    }
    // The page says how it ended, and not before it has.
    let mut outcome = shared.outcome.clone();
    match outcome.wait_for(Option::is_some).await.map(|page| *page) {
        Ok(Some(page)) => page,
        _ => Page::Failed,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;

    use super::*;

    const TEST_TIMEOUT: Duration = Duration::from_mins(1);

    /// As the client does it: `state=ours`.
    fn read(query: &str) -> Read {
        match query.strip_suffix("&state=ours") {
            Some("error=x") => Ok(Err(ClientError::LoginRefused)),
            Some(code) => Ok(Ok(Secret::new(code))),
            None => Err(NotOurs),
        }
    }

    async fn say(port: u16, what: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("{what} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(port: u16, query: &str) -> String {
        let host = format!("127.0.0.1:{port}");
        say(port, &format!("GET /callback?{query}"), &host).await
    }

    #[tokio::test]
    async fn a_browser_that_comes_back_is_told_how_it_went_and_the_tab_can_be_closed() {
        let listening = Listening::at(&LoginPorts::Any).await.unwrap();
        let port = listening.port;
        let redirect = format!("http://127.0.0.1:{port}/callback");
        assert_eq!(listening.redirect().unwrap().as_str(), redirect);
        let wait = listening.wait(
            read,
            async |code| Ok(code.expose().to_owned()),
            TEST_TIMEOUT,
        );
        let (result, page) = tokio::join!(wait, get(port, "code=1&state=ours"));
        assert_eq!(result.unwrap(), "code=1");
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        assert!(page.contains("You can close this tab"), "{page}");
        assert!(page.contains("--night: "), "it is not in our look: {page}");
        assert!(page.contains("content-security-policy: default-src 'none'"));
        // Nobody listens any more.
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    }

    #[tokio::test]
    async fn what_does_not_belong_to_the_login_is_refused_and_the_login_goes_on() {
        let listening = Listening::at(&LoginPorts::Any).await.unwrap();
        let port = listening.port;
        let ours = format!("127.0.0.1:{port}");
        let wait = listening.wait(read, async |_| Ok(()), TEST_TIMEOUT);
        let attempts = async {
            for (query, status) in [
                ("code=1", 403),
                ("code=1&state=theirs", 403),
                ("error=x&state=theirs", 403),
            ] {
                let page = get(port, query).await;
                assert!(page.starts_with(&format!("HTTP/1.1 {status}")), "{page}");
            }
            // A page of somebody's whose name was made to mean this machine, and this machine by another name.
            for host in [
                "evil.example",
                "localhost",
                "127.0.0.1",
                &format!("localhost:{port}"),
            ] {
                let page = say(port, "GET /callback?code=1&state=ours", host).await;
                assert!(page.starts_with("HTTP/1.1 403"), "{host}: {page}");
            }
            for (what, status) in [
                ("POST /callback?code=1&state=ours", 405),
                ("GET /?code=1&state=ours", 404),
                ("GET /favicon.ico", 404),
            ] {
                let page = say(port, what, &ours).await;
                assert!(page.starts_with(&format!("HTTP/1.1 {status}")), "{page}");
            }
            get(port, "code=1&state=ours").await
        };
        let (result, page) = tokio::join!(wait, attempts);
        result.unwrap();
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    }

    #[tokio::test]
    async fn a_second_answer_is_refused() {
        let listening = Listening::at(&LoginPorts::Any).await.unwrap();
        let port = listening.port;
        let (begun, go_on) = (Notify::new(), Notify::new());
        let finish = async |code: Secret| {
            begun.notify_one();
            go_on.notified().await;
            Ok(code.expose().to_owned())
        };
        let wait = listening.wait(read, finish, TEST_TIMEOUT);
        let second = async {
            begun.notified().await;
            let page = get(port, "code=2&state=ours").await;
            go_on.notify_one();
            page
        };
        let (result, first, second) = tokio::join!(wait, get(port, "code=1&state=ours"), second);
        assert_eq!(result.unwrap(), "code=1");
        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        assert!(second.starts_with("HTTP/1.1 410"), "{second}");
    }

    #[tokio::test]
    async fn an_error_is_the_terminals_to_say() {
        for query in ["error=x&state=ours", "code=1&state=ours"] {
            let listening = Listening::at(&LoginPorts::Any).await.unwrap();
            let port = listening.port;
            let finish = async |_| -> anyhow::Result<()> { bail!("a secret of the code") };
            let wait = listening.wait(read, finish, TEST_TIMEOUT);
            let (result, page) = tokio::join!(wait, get(port, query));
            result.unwrap_err();
            assert!(page.starts_with("HTTP/1.1 400"), "{page}");
            assert!(page.contains("The terminal says why"), "{page}");
            assert!(!page.contains("secret"), "{page}");
        }
    }

    #[tokio::test]
    async fn somebody_who_does_not_come_back_is_not_waited_for_for_ever() {
        let listening = Listening::at(&LoginPorts::Any).await.unwrap();
        let wait = listening.wait(read, async |_| Ok(()), Duration::from_millis(1));
        let error = wait.await.unwrap_err().to_string();
        assert!(error.starts_with("the browser did not return"), "{error}");
        assert!(error.contains("skykey login --device"), "{error}");
    }

    #[tokio::test]
    async fn of_the_ports_that_are_registered_the_first_free_one_is_taken() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let (taken_port, free_port) = (port(&taken), port(&free));
        drop(free);
        let ports = |ports: &[u16]| {
            let ports = ports.iter().map(|port| (*port).try_into().unwrap());
            LoginPorts::These(ports.collect())
        };
        let found = Listening::at(&ports(&[taken_port, free_port])).await;
        assert_eq!(found.unwrap().port, free_port);
        let error = Listening::at(&ports(&[taken_port])).await.unwrap_err();
        assert!(
            error.to_string().contains(&taken_port.to_string()),
            "{error}"
        );
    }
}
