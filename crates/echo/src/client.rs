//! Asking Echo.

use std::path::PathBuf;
use std::sync::Arc;

use skykey_s3_client::Endpoint;
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
    endpoint: Endpoint,
}

impl Echo {
    /// Connects to nothing yet.
    pub fn new(settings: EchoSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let upstream = Upstream::new(Settings {
            authorities: settings.authorities,
            metrics: settings.metrics,
            ..Settings::of("Echo").with(settings.patience)
        })?;
        Ok(Self {
            upstream,
            endpoint: Endpoint::new(settings.endpoint, settings.region, clock),
        })
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Url {
        self.endpoint.url()
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
        // The error would name the URL, but holds no secret.
        let request = self
            .endpoint
            .sign(credentials, service.as_str(), &ask.request)
            .map_err(|error| EchoError::Unexpected {
                operation: ask.operation,
                why: format!("the request cannot be written: {error}"),
            })?;
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
            Err(if ask.admins { error.of_admin() } else { error })
        }
    }
}

impl From<Fault> for EchoError {
    fn from(fault: Fault) -> Self {
        Self::NoAnswer(fault)
    }
}
