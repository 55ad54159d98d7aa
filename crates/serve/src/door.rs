//! A door: serves a listener's connections within limits, and stops without cutting off requests.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use skykey_types::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument;

use crate::access::Record;
use crate::answer::Answer;
use crate::body::RequestBody;
use crate::client::{ClientAddr, is_trusted};
use crate::connection_limits::ConnectionLimits;
use crate::metrics::{DoorMetrics, Metrics};
use crate::pace::{Busy, Paced};
use crate::request_id;
use crate::settings::ServeSettings;
use crate::tls::{Certificates, TlsError};

/// The smallest buffer that hyper accepts.
const MIN_BUFFER_BYTES: usize = 8192;
/// The pause after a connection could not be accepted.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// One door, ready to be opened.
///
/// Every request through it carries a [`ClientAddr`] and a [`RequestId`](skykey_types::RequestId) as extensions, gets a response
/// with `X-Request-Id`, and is in a tracing span with the field `request_id`.
#[derive(Debug)]
pub struct Door(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: ServeSettings,
    certificates: Option<Arc<Certificates>>,
    connections: ConnectionLimits,
    metrics: DoorMetrics,
}

impl Door {
    /// Reads the certificate, if there is one. `name` is the door's in the log and in the metrics, such as
    /// `portal`. `clock` decides when the certificate's files are checked again.
    pub fn new(
        name: &'static str,
        settings: &ServeSettings,
        metrics: &Metrics,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let metrics = metrics.of(name);
        let certificates = settings
            .tls
            .as_ref()
            .map(|files| Certificates::open(files, settings, &metrics, clock))
            .transpose()?;
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            certificates,
            connections: ConnectionLimits::new(settings),
            metrics,
        })))
    }

    /// Serves `service` on `listener` until `stop` turns true (or its sender is gone), then lets pending
    /// requests end.
    pub async fn serve<S, B>(
        self,
        listener: TcpListener,
        service: S,
        mut stop: watch::Receiver<bool>,
    ) where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let door = self.0;
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        loop {
            // Remove ended connections.
            while connections.try_join_next().is_some() {}
            let accepted = tokio::select! {
                accepted = async {
                    let one_of_all = door.connections.any(|| door.warn_full()).await;
                    (one_of_all, listener.accept().await)
                } => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let (stream, peer) = match accepted.1 {
                Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
                Err(error) => {
                    // Most likely out of file descriptors: wait for other connections to end.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
                    continue;
                }
            };
            let Some(one_of_clients) = door.connections.of(peer) else {
                door.metrics.refused();
                tracing::debug!(client = %peer, "a connection was refused: this client is at its limit");
                continue;
            };
            let permits = (accepted.0, one_of_clients, door.metrics.open());
            let connection = connection(
                door.clone(),
                stream,
                peer,
                service.clone(),
                graceful.watcher(),
            );
            connections.spawn(async move {
                connection.await;
                drop(permits);
            });
        }
        drop(listener);
        let ended = async {
            graceful.shutdown().await;
            while connections.join_next().await.is_some() {}
        };
        if tokio::time::timeout(door.settings.stop_within, ended)
            .await
            .is_err()
        {
            tracing::warn!("some requests did not end in time and were cut off");
            connections.shutdown().await;
        }
    }
}

impl Inner {
    fn warn_full(&self) {
        tracing::warn!(
            door = self.metrics.door(),
            connections = self.settings.connections,
            "the limit of connections is reached; others wait in the listen queue"
        );
    }
}

/// One connection, from its first byte to its last.
async fn connection<S, B>(
    door: Arc<Inner>,
    stream: TcpStream,
    peer: IpAddr,
    service: S,
    watcher: Watcher,
) where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // Without it small responses wait 40 ms for the other side's acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let Some(certificates) = &door.certificates else {
        return requests(&door, stream, peer, service, watcher).await;
    };
    let handshake = TlsAcceptor::from(certificates.current().await).accept(stream);
    match tokio::time::timeout(door.settings.handshake_within, handshake).await {
        Ok(Ok(stream)) => requests(&door, stream, peer, service, watcher).await,
        Ok(Err(error)) => tracing::debug!(client = %peer, %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(client = %peer, "a TLS handshake took too long"),
    }
}

/// The requests of one connection.
async fn requests<S, B>(
    door: &Arc<Inner>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    service: S,
    watcher: Watcher,
) where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let settings = &door.settings;
    let stream = Paced::new(stream, settings);
    let pace = stream.pace();
    let service = service_fn(move |request| {
        let busy = pace.busy();
        answer(door.clone(), peer, service.clone(), request, busy)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // `Paced` is stricter. hyper polls an idle connection only if it has a timer of its own.
        .header_read_timeout(settings.idle_within + settings.headers_within)
        .max_headers(settings.header_count)
        .max_header_size(settings.header_bytes)
        .max_buf_size(settings.header_bytes.max(MIN_BUFFER_BYTES))
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(client = %peer, %error, "a connection ended early");
    }
}

/// One request.
async fn answer<S, B>(
    door: Arc<Inner>,
    peer: IpAddr,
    service: S,
    request: Request<Incoming>,
    busy: Busy,
) -> Result<Response<Answer<B>>, S::Error>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
{
    let trusted = &door.settings.trusted_proxies;
    let client = ClientAddr::find(peer, request.headers(), trusted);
    let id = request_id::request_id(request.headers(), is_trusted(peer, trusted));
    let mut record = Record::begin(&door.metrics, &request, client, &id);
    let mut request = request.map(|body| RequestBody::new(body, door.settings.stalled_after));
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request_id = id.as_str());
    let mut response = service.call(request).instrument(span).await?;
    record.answered(response.status());
    response
        .headers_mut()
        .insert(request_id::HEADER, request_id::header(&id));
    Ok(response.map(|body| Answer::new(body, record, busy)))
}
