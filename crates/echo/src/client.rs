//! The client of Echo.

use std::path::PathBuf;
use std::sync::Arc;

use skykey_s3_client::{Endpoint, Request, S3Client};
use skykey_types::{Clock, Credentials};
use skykey_upstream::{Answer, Patience, Settings, SetupError, Upstream, UpstreamMetrics};
use url::Url;

use crate::EchoError;

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
pub struct Echo(S3Client);

impl Echo {
    /// A client that connects when the first request is sent.
    pub fn new(settings: EchoSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let upstream = Upstream::new(Settings {
            authorities: settings.authorities,
            metrics: settings.metrics,
            ..Settings::of("Echo").with(settings.patience)
        })?;
        let endpoint = Endpoint::new(settings.endpoint, settings.region, clock);
        Ok(Self(S3Client::new(upstream, endpoint)))
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
