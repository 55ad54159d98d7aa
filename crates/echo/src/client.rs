//! Asking Echo.

use std::path::PathBuf;
use std::sync::Arc;

use skykey_sigv4::{Request, sha256_hex, sign_headers};
use skykey_types::{Clock, Credentials};
use skykey_upstream::{
    Answer, Call, Fault, Patience, Settings, SetupError, Upstream, UpstreamMetrics,
};
use url::Url;

use crate::EchoError;
use crate::ask::{Ask, Service};

/// Where Echo is and how it is called.
#[derive(Debug, Clone)]
pub struct EchoSettings {
    /// The gateway's address; buckets are addressed below it, path style.
    pub endpoint: Url,
    /// The region in signatures; Ceph believes any, `us-east-1` is usual.
    pub region: String,
    /// A PEM file of certificate authorities to believe beside those that the machine knows.
    pub authorities: Option<PathBuf>,
    /// Where calls are counted.
    pub metrics: UpstreamMetrics,
    /// How long calls wait, if not as long as usual.
    pub patience: Option<Patience>,
}

/// The object store. Clones share the connections and the circuit breaker.
#[derive(Debug, Clone)]
pub struct Echo {
    upstream: Upstream,
    endpoint: Url,
    host: String,
    region: String,
    clock: Arc<dyn Clock>,
}

impl Echo {
    /// Connects to nothing yet.
    pub fn new(settings: EchoSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let upstream = Upstream::new(Settings {
            authorities: settings.authorities,
            metrics: settings.metrics,
            ..Settings::of("Echo").with(settings.patience)
        })?;
        let host = settings.endpoint.host_str().unwrap_or_default();
        let host = match settings.endpoint.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            upstream,
            endpoint: settings.endpoint,
            host,
            region: settings.region,
            clock,
        })
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// The connections, for whoever asks how it is doing.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Signs and sends; any status is an answer.
    pub(crate) async fn send(
        &self,
        credentials: &Credentials,
        ask: &Ask,
    ) -> Result<Answer, EchoError> {
        self.send_as(credentials, ask, ask.service).await
    }

    /// Signs for another service than the one that is asked; see [`ops::renew`](crate::ops::renew).
    pub(crate) async fn send_as(
        &self,
        credentials: &Credentials,
        ask: &Ask,
        service: Service,
    ) -> Result<Answer, EchoError> {
        let request = self.signed(credentials, ask, service)?;
        let call = Call::new(ask.operation, request);
        let call = if ask.repeatable {
            call.repeatable()
        } else {
            call
        };
        Ok(self.upstream.send(&call).await?)
    }

    /// Sends; anything but a success is an error.
    pub(crate) async fn must(
        &self,
        credentials: &Credentials,
        ask: &Ask,
    ) -> Result<Answer, EchoError> {
        let answer = self.send(credentials, ask).await?;
        if answer.is_success() {
            Ok(answer)
        } else {
            let error = EchoError::refused(ask.operation, &answer);
            Err(if ask.is_admins() {
                error.of_admin()
            } else {
                error
            })
        }
    }

    fn signed(
        &self,
        credentials: &Credentials,
        ask: &Ask,
        service: Service,
    ) -> Result<http::Request<bytes::Bytes>, EchoError> {
        let path = format!("{}{}", self.endpoint.path().trim_end_matches('/'), ask.path);
        let mut headers = vec![("host", self.host.as_str())];
        headers.extend(
            ask.headers
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
        let unsigned = Request {
            method: ask.method.as_str(),
            path: &path,
            query: &ask.query,
            headers: &headers,
            payload_hash: &sha256_hex(&ask.body),
        };
        let now = self.clock.now();
        let signed = sign_headers(credentials, &self.region, service.as_str(), now, &unsigned);
        let scheme = self.endpoint.scheme();
        let mark = if ask.query.is_empty() { "" } else { "?" };
        let mut request = http::Request::builder()
            .method(&ask.method)
            .uri(format!("{scheme}://{}{path}{mark}{}", self.host, ask.query));
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        for (name, value) in signed {
            request = request.header(name, value);
        }
        // The error would name the URL, but holds no secret.
        request
            .body(ask.body.clone())
            .map_err(|error| EchoError::Unexpected {
                operation: ask.operation,
                why: format!("the request cannot be written: {error}"),
            })
    }
}

impl From<Fault> for EchoError {
    fn from(fault: Fault) -> Self {
        Self::NoAnswer(fault)
    }
}
