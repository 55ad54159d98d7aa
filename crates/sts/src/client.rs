//! The client of `GetSessionToken`: an EC2 credential in, temporary credentials out.

use std::sync::Arc;
use std::time::Duration;

use skykey_sigv4::{Request, sha256_hex, sign_headers};
use skykey_types::{Clock, Credentials, Lifetime};
use url::Url;

use crate::wire::{StsFault, parse_session_token};

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Why there are no temporary credentials.
#[derive(Debug, thiserror::Error)]
pub enum StsError {
    /// The endpoint did not answer.
    #[error("STS at {endpoint} did not answer GetSessionToken: {why}")]
    Unreachable {
        /// Which endpoint.
        endpoint: String,
        /// What the network said.
        why: String,
    },
    /// The endpoint said no.
    #[error("STS at {endpoint} refused GetSessionToken with {status} {}: {}", .fault.code, .fault.message)]
    Refused {
        /// Which endpoint.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// Its code and message.
        fault: StsFault,
    },
    /// The endpoint answered something else.
    #[error("STS at {endpoint} answered GetSessionToken with something that is no answer: {why}")]
    Unexpected {
        /// Which endpoint.
        endpoint: String,
        /// In what way.
        why: String,
    },
}

/// Asks one STS endpoint. Requests end after 15 s; nothing is repeated here, because the caller
/// knows better whether somebody still waits.
#[derive(Debug, Clone)]
pub struct StsClient {
    endpoint: Url,
    region: String,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
}

impl StsClient {
    /// The STS at `endpoint`, on Ceph the S3 endpoint itself.
    pub fn new(
        endpoint: Url,
        region: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StsError> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(15))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| StsError::Unreachable {
                endpoint: endpoint.to_string(),
                why: error.to_string(),
            })?;
        Ok(Self {
            endpoint,
            region: region.into(),
            http,
            clock,
        })
    }

    /// Exchanges an EC2 credential for credentials that last `lifetime`
    /// ([GetSessionToken](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html)).
    pub async fn session_token(
        &self,
        ec2: &Credentials,
        lifetime: Lifetime,
    ) -> Result<Credentials, StsError> {
        let body = format!(
            "Action=GetSessionToken&DurationSeconds={}&Version=2011-06-15",
            lifetime.as_seconds()
        );
        let host = match (
            self.endpoint.host_str().unwrap_or_default(),
            self.endpoint.port(),
        ) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        // The payload's hash is always sent and signed: some versions of RGW insist on it.
        let unsigned = Request {
            method: "POST",
            path: self.endpoint.path(),
            query: "",
            headers: &[("host", &host), ("content-type", CONTENT_TYPE)],
            payload_hash: &sha256_hex(body.as_bytes()),
        };
        let signed = sign_headers(ec2, &self.region, "sts", self.clock.now(), &unsigned);
        let mut request = self
            .http
            .post(self.endpoint.clone())
            .header("content-type", CONTENT_TYPE)
            .body(body);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let unreachable = |error: reqwest::Error| StsError::Unreachable {
            endpoint: self.endpoint.to_string(),
            why: error.without_url().to_string(),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(unreachable)?;
        if status.is_success() {
            parse_session_token(&text).map_err(|why| StsError::Unexpected {
                endpoint: self.endpoint.to_string(),
                why,
            })
        } else {
            Err(StsError::Refused {
                endpoint: self.endpoint.to_string(),
                status: status.as_u16(),
                fault: StsFault::parse(&text),
            })
        }
    }
}
