//! An endpoint, and clients that sign.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use serde_json::json;
use skykey_iam::{Iam, IamSettings};
use skykey_s3::{Endpoint, EndpointSettings};
use skykey_serve::ClientAddr;
use skykey_sigv4::{Request, sha256_hex, sign_headers};
use skykey_store::{FileStore, ObjectStore};
use skykey_testkit::broker::{World, demo, demo_writing};
use skykey_testkit::oidc::Provider;
use skykey_types::{Clock, Credentials, Method, RequestId, Secret, SignedDuration, Timestamp};
use skykey_upstream::UpstreamMetrics;
use tempfile::TempDir;

const REGION: &str = "us-east-1";
const HOST: &str = "s3.example";
const CLIENT: &str = "skykey-portal";

/// An endpoint with the buckets `demo`, which `bob` reads and `carol` writes, and `plain`.
pub(crate) struct TestEndpoint {
    pub(crate) world: World,
    pub(crate) iam: Provider,
    endpoint: Endpoint,
    _objects: TempDir,
}

/// A request before it is signed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// A request: `PUT /demo/a?uploads=`.
pub(crate) fn ask(line: &str) -> Ask {
    let (method, target) = line.split_once(' ').unwrap();
    Ask {
        method: method.to_owned(),
        target: target.to_owned(),
        ..Ask::default()
    }
}

/// A request to STS.
pub(crate) fn form(fields: &[(&str, &str)]) -> Ask {
    let body = skykey_sigv4::encode_query(fields.iter().copied());
    ask("POST /")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

impl Ask {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn is_sts(&self) -> bool {
        self.method == "POST" && self.target == "/"
    }

    /// The headers that sign it at that time.
    pub(crate) fn signed(mut self, credentials: &Credentials, at: Timestamp) -> Self {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut headers = vec![("host", HOST)];
        headers.extend(self.headers.iter().map(|(name, value)| (&**name, &**value)));
        headers.sort_unstable();
        let hash = sha256_hex(&self.body);
        let request = Request {
            method: &self.method,
            path,
            query,
            headers: &headers,
            payload_hash: &hash,
        };
        let service = if self.is_sts() { "sts" } else { "s3" };
        let added = sign_headers(credentials, REGION, service, at, &request);
        let added = added
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        self.headers.extend(added);
        self
    }
}

/// What the endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The id that the request had.
    pub(crate) id: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The text of the first element of that name; empty if there is none.
    pub(crate) fn element(&self, name: &str) -> &str {
        self.elements(name).first().copied().unwrap_or_default()
    }

    /// The texts of all elements of that name.
    pub(crate) fn elements(&self, name: &str) -> Vec<&str> {
        let begins = self
            .text()
            .split(&format!("<{name}>"))
            .skip(1)
            .collect::<Vec<_>>();
        let end = format!("</{name}>");
        begins
            .into_iter()
            .map(|rest| rest.split(&end).next().unwrap())
            .collect()
    }

    /// The status and the error's code.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.element("Code"))
    }
}

impl TestEndpoint {
    pub(crate) async fn start() -> Self {
        let iam = Provider::start().await.unwrap();
        let world = World::with_issuer(iam.issuer.as_str()).await;
        let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
        let objects = tempfile::tempdir().unwrap();
        let store = FileStore::open(objects.path(), clock.clone())
            .await
            .unwrap();
        for bucket in ["demo", "plain"] {
            store.create_bucket(&bucket.parse().unwrap()).await.unwrap();
        }
        let settings = IamSettings::new(
            iam.issuer.as_str().parse().unwrap(),
            CLIENT,
            Secret::new("the client's secret"),
        );
        let redirect = "http://portal.example/login/callback".parse().unwrap();
        let metrics = UpstreamMetrics::default();
        let settings = EndpointSettings {
            region: REGION.to_owned(),
            domains: vec![HOST.to_owned()],
            web_identity: Some(Arc::new(
                Iam::new(settings, redirect, &metrics, clock.clone()).unwrap(),
            )),
            clock,
        };
        Self {
            endpoint: Endpoint::new(Arc::new(store), world.broker.clone(), settings),
            world,
            iam,
            _objects: objects,
        }
    }

    /// Credentials of bob's, who reads.
    pub(crate) async fn reader(&self) -> Credentials {
        self.world
            .issue("bob", &demo(Method::Gateway))
            .await
            .credentials
    }

    /// Credentials of carol's, who writes.
    pub(crate) async fn curator(&self) -> Credentials {
        let fields = demo_writing(Method::Gateway);
        self.world.issue("carol", &fields).await.credentials
    }

    /// Sends a request that is signed now.
    pub(crate) async fn send(&self, credentials: &Credentials, ask: Ask) -> Answer {
        self.send_as_it_is(ask.signed(credentials, self.world.now()))
            .await
    }

    /// Sends a request with its own headers, and `Host`.
    pub(crate) async fn send_as_it_is(&self, ask: Ask) -> Answer {
        let mut request = http::Request::builder()
            .method(ask.method.as_str())
            .uri(ask.target.as_str())
            .header("host", HOST);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Full::new(ask.body)).unwrap();
        let id = RequestId::new();
        request.extensions_mut().insert(id.clone());
        let client = ClientAddr("192.0.2.1".parse().unwrap());
        request.extensions_mut().insert(client);
        let (parts, body) = self.endpoint.call(request).await.into_parts();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
            id: id.as_str().to_owned(),
        };
        assert_eq!(answer.header("x-amz-request-id"), answer.id);
        answer
    }

    /// Stores an object as carol, and expects that it works.
    pub(crate) async fn put(&self, key: &str, body: &'static str) {
        let curator = self.curator().await;
        let put = ask(&format!("PUT /demo/{key}")).body(body);
        let answer = self.send(&curator, put).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// An access token of the IAM for somebody, which ends in an hour.
    pub(crate) fn access_token(&self, who: &str) -> String {
        let now = self.world.now();
        self.iam.key.sign(&json!({
            "iss": self.iam.issuer, "sub": who, "aud": CLIENT, "scope": "openid",
            "iat": now.as_second(), "exp": (now + SignedDuration::from_hours(1)).as_second(),
        }))
    }
}
