//! The client of an STS endpoint, on Ceph the S3 endpoint itself.

mod assume_role;
mod get_session_token;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use skykey_s3_client::{ErrorBody, Request, S3Client, S3Error, S3Settings, Service};
use skykey_types::{Clock, Credentials, ErrorKind};
use skykey_upstream::{Fault, Settings, SetupError, Upstream, UpstreamMetrics, kind_of_status};

use crate::words;

/// The name of the system in messages and metrics.
pub const SYSTEM: &str = "STS";

/// Why there are no temporary credentials.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StsError {
    /// The endpoint did not answer.
    #[error("{0} at {1}")]
    Away(Fault, String),
    /// The endpoint said no.
    #[error("{endpoint} refused {action} ({status} {code}): {words}", code = .fault.code)]
    Refused {
        /// Which endpoint.
        endpoint: String,
        /// What was asked.
        action: &'static str,
        /// The HTTP status.
        status: u16,
        /// Its code and message.
        fault: ErrorBody,
        /// What it means and what to do; Ceph leaves its messages empty.
        words: String,
    },
    /// The endpoint answered something else.
    #[error("{endpoint} answered {action} with something that is no answer: {why}")]
    Unexpected {
        /// Which endpoint.
        endpoint: String,
        /// What was asked.
        action: &'static str,
        /// In what way.
        why: String,
    },
}

impl StsError {
    /// Whether the request was not answered, so that a later one may be.
    pub fn is_outage(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }

    /// Returns who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            // A success that cannot be read decides nothing.
            Self::Away(..) | Self::Unexpected { .. } => ErrorKind::Unavailable,
            Self::Refused { status, .. } => kind_of_status(*status),
        }
    }

    /// The error code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { fault, .. } => Some(&fault.code),
            Self::Away(..) | Self::Unexpected { .. } => None,
        }
    }

    /// Whether the EC2 credential itself is no good any more: deleted in Keystone, or its user has
    /// no role left. Another refusal would meet a new credential as well.
    pub fn blames_the_key(&self) -> bool {
        matches!(
            self.code(),
            Some("InvalidAccessKeyId" | "InvalidClientTokenId" | "SignatureDoesNotMatch")
        )
    }
}

/// One STS. Every request can be repeated safely: credentials that nobody received trouble nobody.
pub struct StsClient {
    client: S3Client,
    /// Requests are signed for the service `s3`: this RGW knows no `sts`.
    signs_s3: AtomicBool,
}

impl StsClient {
    /// Creates a client that sends `at_once` requests at a time at most. It does not connect yet.
    pub fn new(
        settings: S3Settings,
        at_once: usize,
        metrics: &UpstreamMetrics,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let limits = Settings {
            at_once,
            attempt: Duration::from_secs(15),
            total: Duration::from_secs(25),
            ..Settings::of(SYSTEM)
        };
        Ok(Self {
            client: S3Client::of_site(settings, limits, metrics, clock)?,
            signs_s3: AtomicBool::new(false),
        })
    }

    /// Returns the upstream, for health checks and metrics.
    pub fn upstream(&self) -> &Upstream {
        self.client.upstream()
    }

    /// The service name that requests are signed for: `sts`, or `s3` once the endpoint has shown that
    /// it takes no other.
    pub fn service(&self) -> &'static str {
        self.signed_for().as_str()
    }

    fn signed_for(&self) -> Service {
        if self.signs_s3.load(Ordering::Relaxed) {
            Service::S3
        } else {
            Service::Sts
        }
    }

    /// Sends `form`, signed with `credentials`; the answer's body if it is 2xx. Older versions of RGW
    /// take the service name `s3` only, and say `SignatureDoesNotMatch` to `sts`: then it is tried,
    /// and remembered if it works.
    pub(crate) async fn ask(
        &self,
        action: &'static str,
        credentials: &Credentials,
        form: &[(&str, &str)],
    ) -> Result<Bytes, StsError> {
        let mut fields = vec![("Action", action)];
        fields.extend_from_slice(form);
        fields.push(("Version", "2011-06-15"));
        let service = self.signed_for();
        let outcome = self.send(action, credentials, service, &fields).await;
        if service == Service::Sts
            && matches!(&outcome, Err(error) if error.code() == Some("SignatureDoesNotMatch"))
            && let Ok(answer) = self.send(action, credentials, Service::S3, &fields).await
        {
            tracing::info!(endpoint = %self.client.endpoint().url(), "this STS takes requests that are signed for the service s3");
            self.signs_s3.store(true, Ordering::Relaxed);
            return Ok(answer);
        }
        outcome
    }

    pub(crate) async fn send(
        &self,
        action: &'static str,
        credentials: &Credentials,
        service: Service,
        fields: &[(&str, &str)],
    ) -> Result<Bytes, StsError> {
        let request = Request::form(action, service, fields).repeatable();
        let answer = match self.client.send(credentials, &request).await {
            Ok(answer) => answer,
            Err(S3Error::NoAnswer(fault)) => {
                return Err(StsError::Away(
                    fault,
                    self.client.endpoint().url().to_string(),
                ));
            }
            Err(_) => {
                return Err(self.unexpected(action, "the request cannot be built".to_owned()));
            }
        };
        if answer.is_success() {
            return Ok(answer.body);
        }
        let fault = ErrorBody::parse(&answer.text());
        Err(StsError::Refused {
            endpoint: self.client.endpoint().url().to_string(),
            action,
            status: answer.status,
            words: words::of(action, answer.status, &fault),
            fault,
        })
    }

    fn unexpected(&self, action: &'static str, why: String) -> StsError {
        StsError::Unexpected {
            endpoint: self.client.endpoint().url().to_string(),
            action,
            why,
        }
    }
}

impl fmt::Debug for StsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StsClient")
            .field("endpoint", &self.client.endpoint().url().as_str())
            .field("service", &self.service())
            .finish_non_exhaustive()
    }
}
