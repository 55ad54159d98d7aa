//! The client of Echo.

use std::sync::Arc;

use skykey_s3_client::{Request, S3Client, S3Settings};
use skykey_types::{Clock, Credentials};
use skykey_upstream::{Answer, Settings, SetupError, Upstream, UpstreamMetrics};
use url::Url;

use crate::EchoError;

/// The object store. Clones share the connections and the circuit breaker.
#[derive(Debug, Clone)]
pub struct Echo(S3Client);

impl Echo {
    /// A client that connects when the first request is sent.
    pub fn new(
        settings: S3Settings,
        metrics: &UpstreamMetrics,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        S3Client::of_site(settings, Settings::of("Echo"), metrics, clock).map(Self)
    }

    /// The address of its endpoint.
    pub fn endpoint(&self) -> &Url {
        self.0.endpoint().url()
    }

    /// The connections, whose state says how Echo is doing.
    pub fn upstream(&self) -> &Upstream {
        self.0.upstream()
    }

    pub(crate) fn s3(&self) -> &S3Client {
        &self.0
    }

    /// Signs and sends; any status is an answer.
    pub(crate) async fn send(
        &self,
        credentials: &Credentials,
        request: &Request,
    ) -> Result<Answer, EchoError> {
        Ok(self.0.send(credentials, request).await?)
    }

    /// Sends; anything but a success is an error.
    pub(crate) async fn call(
        &self,
        credentials: &Credentials,
        request: &Request,
    ) -> Result<Answer, EchoError> {
        Ok(self.0.call(credentials, request).await?)
    }
}
