//! The path of a request: read, verify, judge, answer. No step calls an earlier one, and an error
//! is written once, at its end.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;
use skykey_broker::Broker;
use skykey_iam::Iam;
use skykey_serve::ClientAddr;
use skykey_sigv4::{Head, Payload, Presented, Query, Verified};
use skykey_store::ObjectStore;
use skykey_types::{Clock, RequestId, Secret};

use crate::answer::Body;
use crate::fault::{Code, Dialect, Fault, Result, headers_of};
use crate::front::address::Address;
use crate::front::admission::{check_carried, check_headers, with_hoisted};
use crate::front::operation::{Operation, Row};
use crate::front::rights::{Signer, judge};
use crate::local::Local;
use crate::request::{self, BoxError, Incoming, Request};
use crate::sts::Sts;

/// S3's name for a request id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
/// For errors that clients may meet without any credentials.
const NOT_SIGNED: &str = "the request is not signed; sign it with leased credentials";

/// The endpoint's settings.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// The region that it reports.
    pub region: String,
    /// The host names under which `bucket.NAME` means the bucket.
    pub domains: Vec<String>,
    /// The IAM whose access tokens `AssumeRoleWithWebIdentity` accepts; without it, the action is
    /// refused.
    pub web_identity: Option<Arc<Iam>>,
    /// The clock that judges the age of signatures: the machine's, which clients' clocks agree
    /// with.
    pub clock: Arc<dyn Clock>,
}

/// The S3 and STS endpoint, ready to be served by hyper.
#[derive(Debug, Clone)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    broker: Arc<Broker>,
    local: Local,
    sts: Sts,
    domains: Vec<String>,
    clock: Arc<dyn Clock>,
}

impl Endpoint {
    /// Serves `store` to those whom `broker` has given leases.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        broker: Arc<Broker>,
        settings: EndpointSettings,
    ) -> Self {
        Self(Arc::new(Inner {
            sts: Sts::new(broker.clone(), settings.web_identity),
            local: Local::new(store, settings.region),
            domains: settings.domains,
            clock: settings.clock,
            broker,
        }))
    }

    /// Answers one request. The answer carries the [`RequestId`] that the request has as an
    /// extension (`skykey-serve` puts it there) in `x-amz-request-id` and in the body of errors.
    pub fn call<B>(&self, request: http::Request<B>) -> BoxFuture<'static, Response<Body>>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let body = body.map_err(Into::into).boxed_unsync();
        let endpoint = self.clone();
        // Boxed, since it is large; and from here on it is not generic.
        Box::pin(async move { endpoint.answer(parts, body).await })
    }

    async fn answer(&self, parts: Parts, body: Incoming) -> Response<Body> {
        let id = parts
            .extensions
            .get::<RequestId>()
            .cloned()
            .unwrap_or_else(RequestId::new);
        let is_sts = Sts::is_meant(&parts);
        let outcome = if is_sts {
            self.answer_sts(&parts, body, &id).await
        } else {
            self.answer_s3(&parts, body, &id).await
        };
        let mut response = match outcome {
            Ok(response) => response,
            Err(fault) => refusal(&parts, is_sts, &fault, &id),
        };
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    async fn answer_s3(
        &self,
        parts: &Parts,
        incoming: Incoming,
        id: &RequestId,
    ) -> Result<Response<Body>> {
        let inner = &*self.0;
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        check_headers(&parts.method, &parts.headers)?;
        let address = Address::parse(host(&parts.headers)?, parts.uri.path(), &inner.domains)?;
        let head = head(parts, &query);
        let Some(presented) = Presented::read(head)? else {
            tracing::info!("request refused: it is not signed");
            return Err(Fault::denied(NOT_SIGNED));
        };
        let (signer, verified) = self.verify(&presented, None, id).await?;

        let merged;
        let headers = if presented.is_presigned() {
            merged = with_hoisted(&query, &parts.headers)?;
            &merged
        } else {
            &parts.headers
        };
        let row = Operation::of(&parts.method, &address, &query, headers)?;
        if let Err(fault) = judge(&signer, row, &address, &query, headers) {
            // The broker tries its own credentials: a refusal is as it should be.
            if !signer.trying {
                log_refusal(row, &address, &signer, &fault);
            }
            return Err(fault);
        }
        check_carried(row, &query, headers, presented.is_presigned())
            .inspect_err(|fault| log_refusal(row, &address, &signer, fault))?;
        let takes_stream = matches!(row.operation, Operation::PutObject | Operation::UploadPart);
        if matches!(verified.payload(), Payload::Streaming { .. }) && !takes_stream {
            return Err(Fault::new(
                Code::InvalidRequest,
                "only uploads take a body in signed chunks; send x-amz-content-sha256 with the body's hash",
            ));
        }
        tracing::debug!(operation = row.operation.name(), lease = %signer.lease, "request allowed");
        let (bucket, key) = match &address {
            Address::Service => ("", ""),
            Address::Bucket(bucket) => (bucket.as_str(), ""),
            Address::Object(bucket, key) => (bucket.as_str(), key.as_str()),
        };
        let length = verified
            .decoded_length()
            .or_else(|| announced_length(&incoming));
        let request = Request {
            operation: row.operation,
            bucket,
            key,
            query: &query,
            headers,
            principal: &signer,
            body: request::Body::new(incoming, verified.body_reader(), length),
        };
        inner.local.answer(request).await
    }

    async fn answer_sts(
        &self,
        parts: &Parts,
        incoming: Incoming,
        id: &RequestId,
    ) -> Result<Response<Body>> {
        let inner = &*self.0;
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        check_headers(&parts.method, &parts.headers)?;
        host(&parts.headers)?;
        let presented = Presented::read(head(parts, &query))?;
        // The signature covers the hash of the form, so the form is read first, and it is short.
        let form = inner.sts.read_form(incoming).await?;
        let signer = match &presented {
            None => None,
            Some(presented) => {
                let hash = skykey_sigv4::sha256(&form);
                let (signer, verified) = self.verify(presented, Some(&hash), id).await?;
                if !matches!(verified.payload(), Payload::Sha256(_) | Payload::Undeclared) {
                    return Err(Fault::new(
                        Code::InvalidRequest,
                        "a request to STS signs its body; send its hash in x-amz-content-sha256",
                    ));
                }
                Some(signer)
            }
        };
        let client = parts.extensions.get::<ClientAddr>().copied();
        inner.sts.answer(signer.as_ref(), client, &form, id).await
    }

    /// Who signed, once the signature is right.
    async fn verify(
        &self,
        presented: &Presented<'_>,
        body_sha256: Option<&[u8; 32]>,
        id: &RequestId,
    ) -> Result<(Signer, Verified)> {
        let now = self.0.clock.now();
        presented.check_time(now)?;
        let key = presented.access_key_id();
        let token = presented.session_token().map(Secret::expose);
        let signer = self
            .0
            .broker
            .authenticate(key, token, id)
            .await
            .map_err(|why| {
                tracing::info!(%key, %why, "request refused");
                Fault::from(&why)
            })?;
        let verified = presented.verify(&signer.secret_access_key, now, body_sha256)?;
        Ok((signer, verified))
    }
}

fn head<'r>(parts: &'r Parts, query: &'r Query<'r>) -> Head<'r> {
    Head {
        method: &parts.method,
        path: parts.uri.path(),
        query,
        headers: &parts.headers,
    }
}

fn host(headers: &HeaderMap) -> Result<&str> {
    headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .ok_or_else(|| {
            Fault::new(
                Code::InvalidRequest,
                "the request has no Host header; send it once",
            )
        })
}

/// `Content-Length`, which hyper has turned into the size of the body.
fn announced_length(incoming: &Incoming) -> Option<u64> {
    incoming.size_hint().exact()
}

fn log_refusal(row: &Row, address: &Address, signer: &Signer, fault: &Fault) {
    tracing::info!(
        operation = row.operation.name(), address = ?address, lease = %signer.lease, username = signer.username,
        survey = %signer.survey, access = %signer.access, why = %fault.message, "request refused"
    );
}

/// An error's answer.
fn refusal(parts: &Parts, is_sts: bool, fault: &Fault, id: &RequestId) -> Response<Body> {
    let dialect = if is_sts { Dialect::Sts } else { Dialect::S3 };
    tracing::debug!(code = fault.code.as_str(), message = %fault.message, "answered with an error");
    let has_body = parts.method != Method::HEAD && fault.code != Code::NotModified;
    let body = if has_body {
        dialect.body(fault, parts.uri.path(), id.as_str())
    } else {
        String::new()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = fault.code.status();
    if has_body {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, dialect.content_type());
    } else if parts.method == Method::HEAD {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    headers_of(fault, response.headers_mut());
    response
}
