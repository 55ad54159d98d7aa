//! A door with a small service behind it, and a client that speaks bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::routing::{get, post};
use hyper_util::service::TowerToHyperService;
use skykey_serve::{ClientAddr, Door, Metrics, ServeSettings};
use skykey_types::{Clock, ManualClock, RequestId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// A served door.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Metrics,
    pub(crate) clock: ManualClock,
    /// `/wait` has been asked.
    pub(crate) asked: Arc<Notify>,
    /// Lets `/wait` answer.
    pub(crate) go_on: Arc<Notify>,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn open(settings: ServeSettings) -> Self {
        crate::log::begin();
        let (asked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let wait = {
            let (asked, go_on) = (asked.clone(), go_on.clone());
            move || async move {
                asked.notify_one();
                go_on.notified().await;
                "waited"
            }
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/who", get(who))
            .route("/wait", get(wait))
            .route("/say", get(say))
            .route("/echo", post(async |body: String| body))
            .route("/healthz", get(async || "ok"));
        let clock = ManualClock::at("2026-11-24T08:00:00Z".parse().unwrap());
        let metrics = Metrics::new();
        let handed: Arc<dyn Clock> = Arc::new(clock.clone());
        let door = Door::new("test", &settings, &metrics, &handed).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let service = TowerToHyperService::new(router);
        let served = tokio::spawn(door.serve(listener, service, stopped));
        Self {
            address,
            metrics,
            clock,
            asked,
            go_on,
            stop,
            served,
        }
    }

    /// Tells it to stop.
    pub(crate) fn tell_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops it, and returns when it has.
    pub(crate) async fn stop(self) -> Metrics {
        self.tell_stop();
        self.served.await.unwrap();
        self.metrics
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a connection of their own and reads to its end.
    pub(crate) async fn say(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        // The other side may answer and close before it has read everything.
        let _ = stream.write_all(text.as_bytes()).await;
        rest(stream).await
    }

    /// A GET without keep-alive, with more header lines.
    pub(crate) async fn get(&self, target: &str, headers: &str) -> String {
        self.say(&format!(
            "GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"
        ))
        .await
    }
}

async fn who(
    Extension(client): Extension<ClientAddr>,
    Extension(id): Extension<RequestId>,
) -> String {
    format!("{} {}", client.0, id.as_str())
}

async fn say() {
    tracing::info!(target: "skykey_said", "something");
}

/// All that comes until the other side closes, however it does.
pub(crate) async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        text.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8(text).unwrap()
}

/// The value of a header of an answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
