//! Sending requests with the credentials that the caller has.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use skykey_types::{Clock, Credentials};
use skykey_upstream::{
    Answer, Call, Opened, RequestBody, Settings, SetupError, Timeouts, Upstream, UpstreamMetrics,
};
use url::Url;

use crate::{Endpoint, Request, S3Error};

/// The address of a site's endpoint, for its S3 and its STS.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// The address; buckets are below its path.
    pub endpoint: Url,
    /// The region that requests are signed for; Ceph accepts any, `us-east-1` is usual.
    pub region: String,
    /// A PEM file of certificate authorities to trust in addition to the machine's.
    pub authorities: Option<PathBuf>,
    /// Other timeouts than the client's own; for tests.
    pub timeouts: Option<Timeouts>,
}

impl S3Settings {
    /// An endpoint whose certificate the machine trusts.
    pub fn new(endpoint: Url, region: impl Into<String>) -> Self {
        Self {
            endpoint,
            region: region.into(),
            authorities: None,
            timeouts: None,
        }
    }
}

/// The client of one endpoint. Clones share connections, limits and signing keys.
#[derive(Debug, Clone)]
pub struct S3Client {
    upstream: Upstream,
    endpoint: Endpoint,
}

impl S3Client {
    /// A client that connects when the first request is sent.
    pub fn new(upstream: Upstream, endpoint: Endpoint) -> Self {
        Self { upstream, endpoint }
    }

    /// A client of a site's endpoint within `limits`; it connects when the first request is sent.
    pub fn of_site(
        settings: S3Settings,
        limits: Settings,
        metrics: &UpstreamMetrics,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let limits = Settings {
            authorities: settings.authorities,
            metrics: metrics.clone(),
            ..limits.with(settings.timeouts)
        };
        let endpoint = Endpoint::new(settings.endpoint, settings.region, clock);
        Ok(Self::new(Upstream::new(limits)?, endpoint))
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The connections.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Sends the request and reads its answer, whatever its status. A request that may be repeated
    /// is, within the limits of the [`Upstream`].
    pub async fn send(
        &self,
        credentials: &Credentials,
        request: &Request,
    ) -> Result<Answer, S3Error> {
        let signed = self.endpoint.sign(credentials, request)?;
        let call = Call {
            operation: request.action,
            request: signed.map(|()| request.body.clone()),
            repeat: request.repeat,
        };
        Ok(self.upstream.send(&call).await?)
    }

    /// Sends the request and reads its answer; anything but a success is [`S3Error::Refused`].
    pub async fn call(
        &self,
        credentials: &Credentials,
        request: &Request,
    ) -> Result<Answer, S3Error> {
        let answer = self.send(credentials, request).await?;
        if answer.is_success() {
            Ok(answer)
        } else {
            Err(self.refused(request, &answer))
        }
    }

    /// Sends the request once and returns when the head of the answer is there, whatever its
    /// status; the body streams.
    pub async fn open(
        &self,
        credentials: &Credentials,
        request: &Request,
    ) -> Result<Opened, S3Error> {
        let signed = self.endpoint.sign(credentials, request)?;
        let body = RequestBody::from(Bytes::clone(&request.body));
        let signed = signed.map(|()| body);
        Ok(self.upstream.stream(request.action, signed).await?)
    }

    /// The same with a body that streams, in place of the request's own. Its length is known, its
    /// hash only if [`Request::payload_sha256`] names it.
    pub async fn stream(
        &self,
        credentials: &Credentials,
        request: &Request,
        body: RequestBody,
    ) -> Result<Opened, S3Error> {
        let signed = self.endpoint.sign_stream(credentials, request)?;
        let signed = signed.map(|()| body);
        Ok(self.upstream.stream(request.action, signed).await?)
    }

    /// The error for an answer that is not a success.
    pub fn refused(&self, request: &Request, answer: &Answer) -> S3Error {
        S3Error::refused(self.upstream.system(), request.action, answer)
    }
}
