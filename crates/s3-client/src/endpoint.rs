//! Where an endpoint is, and how requests to it are signed.

use std::sync::Arc;

use bytes::Bytes;
use skykey_sigv4::{Request, sha256_hex, sign_headers};
use skykey_types::{Clock, Credentials};
use url::Url;

use crate::Ask;

/// An endpoint. Clones share the clock.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: Url,
    region: String,
    clock: Arc<dyn Clock>,
}

impl Endpoint {
    /// At `url`, below whose path everything lies, with a region in signatures, which are of the time that `clock` shows.
    pub fn new(url: Url, region: String, clock: Arc<dyn Clock>) -> Self {
        Self { url, region, clock }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The request, signed for `service` (`s3`, `sts`, `iam`). The payload's hash is always sent and signed: some
    /// versions of Ceph's gateway insist on it. An error is about a header or a path that cannot be written.
    pub fn sign(
        &self,
        credentials: &Credentials,
        service: &str,
        ask: &Ask,
    ) -> Result<http::Request<Bytes>, http::Error> {
        let host = self.host();
        let path = format!("{}{}", self.url.path().trim_end_matches('/'), ask.path);
        let mut headers = vec![("host", host.as_str())];
        let named = ask.headers.iter();
        headers.extend(named.map(|(name, value)| (*name, value.as_str())));
        let unsigned = Request {
            method: ask.method.as_str(),
            path: &path,
            query: &ask.query,
            headers: &headers,
            payload_hash: &sha256_hex(&ask.body),
        };
        let now = self.clock.now();
        let signed = sign_headers(credentials, &self.region, service, now, &unsigned);
        let mark = if ask.query.is_empty() { "" } else { "?" };
        let scheme = self.url.scheme();
        let mut request = http::Request::builder()
            .method(&ask.method)
            .uri(format!("{scheme}://{host}{path}{mark}{}", ask.query));
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        for (name, value) in signed {
            request = request.header(name, value);
        }
        request.body(ask.body.clone())
    }

    /// As clients write it into `Host`: without a port that the scheme implies.
    fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use skykey_types::{AccessKeyId, ManualClock, Secret, Timestamp};

    use super::*;

    fn written(endpoint: &str, ask: &Ask) -> http::Request<Bytes> {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let endpoint = Endpoint::new(endpoint.parse().unwrap(), "us-east-1".to_owned(), clock);
        let credentials = Credentials {
            access_key_id: AccessKeyId::new("ak"),
            secret_access_key: Secret::new("sk"),
            session_token: Some(Secret::new("tok")),
            expiration: None,
        };
        endpoint.sign(&credentials, "s3", ask).unwrap()
    }

    #[test]
    fn everything_that_goes_out_is_signed() {
        let ask = Ask::object(Method::PUT, "m13", "a b")
            .query(&[("x", "1 2")])
            .header("if-match", "\"e\"")
            .body("stamp");
        let request = written("https://echo.example.org/s3/", &ask);
        assert_eq!(
            request.uri(),
            "https://echo.example.org/s3/m13/a%20b?x=1%202"
        );
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        assert_eq!(
            header("x-amz-content-sha256"),
            sha256_hex(request.body().as_ref())
        );
        assert!(header("authorization").contains(
            "Credential=ak/19700101/us-east-1/s3/aws4_request, SignedHeaders=host;if-match;\
             x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="
        ));
    }

    #[test]
    fn a_port_of_its_own_is_kept_and_a_bare_root_stays_a_root() {
        let request = written("http://127.0.0.1:8080", &Ask::form(&[("Action", "A")]));
        assert_eq!(request.uri(), "http://127.0.0.1:8080/");
        assert_eq!(request.method(), Method::POST);
    }

    #[test]
    fn a_header_that_cannot_be_written_is_an_error() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let url = "http://127.0.0.1/".parse().unwrap();
        let endpoint = Endpoint::new(url, "us-east-1".to_owned(), clock);
        let credentials = Credentials {
            access_key_id: AccessKeyId::new("ak"),
            secret_access_key: Secret::new("sk"),
            session_token: None,
            expiration: None,
        };
        let ask = Ask::bucket(Method::GET, "m13").header("if-match", "a\nb");
        assert!(endpoint.sign(&credentials, "s3", &ask).is_err());
    }
}
