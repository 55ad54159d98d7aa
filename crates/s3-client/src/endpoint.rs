//! The address of an endpoint, and how requests to it are signed.

use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Uri};
use skykey_sigv4::{EMPTY_PAYLOAD, Signer, SortedRequest, UNSIGNED_PAYLOAD, amz_date, sha256_hex};
use skykey_types::{Clock, Credentials};
use url::Url;

use crate::request::{Payload, Request};
use crate::{S3Error, Service};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const PAYLOAD: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// An endpoint. Clones share the clock and the signing keys, which are derived once a day.
#[derive(Debug, Clone)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: Url,
    /// The path of the address, without the slash at its end.
    base: String,
    scheme: Scheme,
    /// Without a port that the scheme implies, as clients write it into `Host`.
    authority: Option<Authority>,
    signer: Signer,
    clock: Arc<dyn Clock>,
}

impl Endpoint {
    /// The endpoint at `url`, below whose path everything lies. Requests are signed for `region`, at
    /// the time of `clock`.
    pub fn new(url: Url, region: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        let host = url.host_str().unwrap_or_default();
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let scheme = if url.scheme() == "https" {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        Self(Arc::new(Inner {
            base: url.path().trim_end_matches('/').to_owned(),
            scheme,
            authority: authority.parse().ok(),
            signer: Signer::new(region.into()),
            clock,
            url,
        }))
    }

    /// Its address.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Signs the request for its service; the body is sent beside it. The payload's hash is always
    /// signed unless the request says otherwise: some versions of Ceph's gateway insist on it.
    pub fn sign(
        &self,
        credentials: &Credentials,
        request: &Request,
    ) -> Result<http::Request<()>, S3Error> {
        let payload = match &request.payload {
            Payload::Hashed if request.body.is_empty() => HeaderValue::from_static(EMPTY_PAYLOAD),
            Payload::Hashed => HeaderValue::try_from(sha256_hex(&request.body))
                .map_err(|_| invalid(request, "its hash is no header"))?,
            Payload::Unsigned => HeaderValue::from_static(UNSIGNED_PAYLOAD),
            Payload::Known(digest) => digest.clone(),
        };
        self.sign_as(credentials, request, request.service, &payload)
    }

    /// Signs the request, whose body is sent as a stream: its hash is not known unless the request
    /// names it.
    pub(crate) fn sign_stream(
        &self,
        credentials: &Credentials,
        request: &Request,
    ) -> Result<http::Request<()>, S3Error> {
        let payload = match &request.payload {
            Payload::Known(digest) => digest.clone(),
            Payload::Hashed | Payload::Unsigned => HeaderValue::from_static(UNSIGNED_PAYLOAD),
        };
        self.sign_as(credentials, request, request.service, &payload)
    }

    fn sign_as(
        &self,
        credentials: &Credentials,
        request: &Request,
        service: Service,
        payload: &HeaderValue,
    ) -> Result<http::Request<()>, S3Error> {
        let inner = &*self.0;
        if let Some(name) = &request.invalid {
            return Err(invalid(request, format!("the value of {name} is invalid")));
        }
        let authority = inner
            .authority
            .as_ref()
            .ok_or_else(|| invalid(request, "the endpoint's address has no host"))?;
        let now = inner.clock.now();
        let time = amz_date(now);
        let path = format!("{}{}", inner.base, request.path);

        let mut headers = HeaderMap::with_capacity(request.headers.len() + 5);
        for (name, value) in &request.headers {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(DATE, value(request, &time)?);
        headers.insert(PAYLOAD, payload.clone());
        if let Some(token) = &credentials.session_token {
            let mut token = value(request, token.expose())?;
            token.set_sensitive(true);
            headers.insert(TOKEN, token);
        }
        let mut signed: Vec<(&str, &[u8])> = Vec::with_capacity(headers.len() + 1);
        signed.push(("host", authority.as_str().as_bytes()));
        for (name, value) in &headers {
            signed.push((name.as_str(), value.as_bytes()));
        }
        signed.sort_unstable();
        let authorization = inner.signer.authorization(
            credentials,
            service.as_str(),
            now,
            &SortedRequest {
                method: request.method.as_str(),
                path: &path,
                query: &request.query,
                headers: &signed,
                payload_hash: payload.as_bytes(),
            },
        );
        drop(signed);
        headers.insert(AUTHORIZATION, value(request, &authorization)?);

        let mut target = path;
        if !request.query.is_empty() {
            target.push('?');
            target.push_str(&request.query);
        }
        let target = PathAndQuery::try_from(target)
            .map_err(|error| invalid(request, format!("its path is invalid: {error}")))?;
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(inner.scheme.clone());
        uri.authority = Some(authority.clone());
        uri.path_and_query = Some(target);
        let uri = Uri::from_parts(uri)
            .map_err(|error| invalid(request, format!("its address is invalid: {error}")))?;

        let mut signed = http::Request::new(());
        *signed.method_mut() = Method::clone(&request.method);
        *signed.uri_mut() = uri;
        *signed.headers_mut() = headers;
        Ok(signed)
    }
}

fn value(request: &Request, text: &str) -> Result<HeaderValue, S3Error> {
    HeaderValue::try_from(text).map_err(|_| invalid(request, "a credential cannot be a header"))
}

fn invalid(request: &Request, why: impl Into<String>) -> S3Error {
    S3Error::Invalid {
        action: request.action,
        why: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use skykey_types::{AccessKeyId, ManualClock, Secret, Timestamp};

    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        Endpoint::new(url.parse().unwrap(), "us-east-1", clock)
    }

    fn written(url: &str, request: &Request) -> http::Request<()> {
        let credentials = Credentials {
            access_key_id: AccessKeyId::new("ak"),
            secret_access_key: Secret::new("sk"),
            session_token: Some(Secret::new("hidden-session")),
            expiration: None,
        };
        endpoint(url).sign(&credentials, request).unwrap()
    }

    fn put() -> Request {
        Request::object("write", Method::PUT, &"m13".parse().unwrap(), "a b")
            .query(&[("x", "1 2")])
            .header("if-match", "\"e\"")
            .body("stamp")
    }

    #[test]
    fn everything_that_goes_out_is_signed() {
        let request = written("https://echo.example.org/s3/", &put());
        assert_eq!(
            request.uri(),
            "https://echo.example.org/s3/m13/a%20b?x=1%202"
        );
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        assert_eq!(header("x-amz-content-sha256"), sha256_hex(b"stamp"));
        assert!(header("authorization").contains(
            "Credential=ak/19700101/us-east-1/s3/aws4_request, SignedHeaders=host;if-match;\
             x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="
        ));
        assert!(!format!("{request:?}").contains("hidden-session"));
    }

    #[test]
    fn it_signs_as_the_general_signer_does() {
        let request = written("https://echo.example.org/s3/", &put());
        let credentials = Credentials {
            access_key_id: AccessKeyId::new("ak"),
            secret_access_key: Secret::new("sk"),
            session_token: Some(Secret::new("hidden-session")),
            expiration: None,
        };
        let general = skykey_sigv4::sign_headers(
            &credentials,
            "us-east-1",
            "s3",
            Timestamp::UNIX_EPOCH,
            &skykey_sigv4::Request {
                method: "PUT",
                path: "/s3/m13/a%20b",
                query: "x=1%202",
                headers: &[("host", "echo.example.org"), ("if-match", "\"e\"")],
                payload_hash: &sha256_hex(b"stamp"),
            },
        );
        for (name, value) in general {
            assert_eq!(request.headers()[name], value, "{name}");
        }
    }

    #[test]
    fn a_payload_is_unsigned_or_known_on_demand() {
        let hash = |request: &Request| {
            let signed = written("http://127.0.0.1:8080", request);
            signed.headers()["x-amz-content-sha256"].clone()
        };
        assert_eq!(hash(&put().unsigned_payload()), UNSIGNED_PAYLOAD);
        assert_eq!(hash(&put().payload_sha256("abc")), "abc");
        assert_eq!(hash(&put().body("")), EMPTY_PAYLOAD);
    }

    #[test]
    fn a_port_of_its_own_is_kept_and_a_bare_root_stays_a_root() {
        let form = Request::form("ask", Service::Sts, &[("Action", "A")]);
        let request = written("http://127.0.0.1:8080", &form);
        assert_eq!(request.uri(), "http://127.0.0.1:8080/");
        assert_eq!(request.method(), Method::POST);
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(authorization.contains("/us-east-1/sts/aws4_request"));
    }

    #[test]
    fn a_header_that_cannot_be_written_is_an_error() {
        let credentials = Credentials {
            access_key_id: AccessKeyId::new("ak"),
            secret_access_key: Secret::new("sk"),
            session_token: None,
            expiration: None,
        };
        let request = put().header("if-match", "a\nb");
        let error = endpoint("http://127.0.0.1/").sign(&credentials, &request);
        assert!(matches!(error, Err(S3Error::Invalid { .. })));
    }
}
