//! A world on free ports, and a client that signs.

use std::path::Path;
use std::sync::Arc;

use skykey::up::{Options, World};
use skykey_broker::{AuditEntry, Caller, Issued, LeaseFields};
use skykey_sigv4::{Request, sha256_hex, sign_headers};
use skykey_types::{Credentials, ManualClock, RequestId, SubjectId, Timestamp};

/// A running world and its clock, which stands at the machine's time to begin with.
pub(crate) struct TestWorld {
    pub(crate) world: World,
    pub(crate) clock: ManualClock,
    pub(crate) http: reqwest::Client,
    dir: tempfile::TempDir,
}

impl TestWorld {
    pub(crate) async fn start() -> Self {
        Self::start_with("[[survey]]\nname = \"m13\"\n[[survey]]\nname = \"other\"\n").await
    }

    /// What is written down last about somebody; skykey proves its surveys meanwhile, in its own name.
    pub(crate) async fn newest_audit(&self) -> AuditEntry {
        let all = self.world.broker().database().audit_trail(20).await;
        let mut all = all.unwrap().into_iter();
        all.find(|entry| entry.username != "skykey").unwrap()
    }

    /// With that configuration.
    pub(crate) async fn start_with(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("skykey.toml"), text).unwrap();
        let clock = ManualClock::at(Timestamp::now());
        Self {
            world: world(dir.path(), &clock).await,
            clock,
            http: reqwest::Client::new(),
            dir,
        }
    }

    /// Stopped and started again, on other ports.
    pub(crate) async fn restart(self) -> Self {
        self.world.stop().await;
        let world = world(self.dir.path(), &self.clock).await;
        Self { world, ..self }
    }

    /// The state directory.
    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    /// Somebody, without their browser.
    pub(crate) fn caller(&self, username: &str) -> Caller {
        let account = self
            .world
            .directory()
            .unwrap()
            .by_username(username)
            .unwrap();
        let id = SubjectId {
            issuer: self.world.up_file().iam.to_string(),
            sub: account.sub,
        };
        Caller {
            id,
            username: username.to_owned(),
            iam_token: None,
        }
    }

    pub(crate) async fn lease(
        &self,
        username: &str,
        method: &str,
        lifetime: &str,
        access: &str,
    ) -> Issued {
        let fields = LeaseFields {
            survey: "m13".to_owned(),
            lifetime: Some(lifetime.to_owned()),
            method: Some(method.to_owned()),
            access: Some(access.to_owned()),
            ..LeaseFields::default()
        };
        let (broker, caller) = (self.world.broker(), self.caller(username));
        let request = broker
            .parse_request(&caller, &fields, &RequestId::new())
            .await
            .unwrap();
        broker
            .issue(&caller, &request, &RequestId::new())
            .await
            .unwrap()
    }

    /// Sends a signed request, by the machine's time; the status and the body.
    pub(crate) async fn send(
        &self,
        credentials: &Credentials,
        method: &str,
        path_and_query: &str,
        body: &'static str,
    ) -> (u16, String) {
        let endpoint = &self.world.up_file().s3;
        send_signed(
            &self.http,
            endpoint,
            credentials,
            method,
            path_and_query,
            body,
        )
        .await
    }
}

async fn world(dir: &Path, clock: &ManualClock) -> World {
    let options = Options {
        state: dir.join("state"),
        base_port: 0,
        listen: "127.0.0.1".parse().unwrap(),
        surveys: Vec::new(),
        config: Some(dir.join("skykey.toml")),
    };
    let world = World::start(options, Arc::new(clock.clone())).await;
    world.unwrap()
}

/// Sends a signed request to an endpoint, by the machine's time; the status and the body.
pub(crate) async fn send_signed(
    http: &reqwest::Client,
    endpoint: &url::Url,
    credentials: &Credentials,
    method: &str,
    path_and_query: &str,
    body: &'static str,
) -> (u16, String) {
    let response = signed_response(http, endpoint, credentials, method, path_and_query, body).await;
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Sends a signed request to an endpoint, by the machine's time; the whole response.
pub(crate) async fn signed_response(
    http: &reqwest::Client,
    endpoint: &url::Url,
    credentials: &Credentials,
    method: &str,
    path_and_query: &str,
    body: &'static str,
) -> reqwest::Response {
    let url = endpoint.join(path_and_query).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let form = ("content-type", "application/x-www-form-urlencoded");
    let copies = body == "copy";
    let mut headers = vec![("host", host.as_str())];
    let is_sts = method == "POST" && path_and_query == "/";
    if is_sts {
        headers.push(form);
    }
    if copies {
        headers.push(("x-amz-copy-source", "m13/a"));
    }
    let hash = sha256_hex(body.as_bytes());
    let request = Request {
        method,
        path: url.path(),
        query: url.query().unwrap_or_default(),
        headers: &headers,
        payload_hash: &hash,
    };
    let service = if is_sts { "sts" } else { "s3" };
    let signed = sign_headers(
        credentials,
        "us-east-1",
        service,
        Timestamp::now(),
        &request,
    );
    let mut builder = http
        .request(method.parse().unwrap(), url.clone())
        .body(body);
    for (name, value) in headers.iter().skip(1) {
        builder = builder.header(*name, *value);
    }
    for (name, value) in signed {
        builder = builder.header(name, value);
    }
    builder.send().await.unwrap()
}

/// An access token for somebody, by the device code and the IAM's own pages.
pub(crate) async fn access_token(sky: &TestWorld, username: &str, password: &str) -> String {
    let iam = &sky.world.up_file().iam;
    let answer = device_tokens(iam, ("skykey-cli", None), username, password).await;
    let token = answer["access_token"].as_str().unwrap();
    token.to_owned()
}

/// The answer of the token endpoint to `client`, its id and perhaps its secret.
pub(crate) async fn device_tokens(
    iam: &url::Url,
    (client, secret): (&str, Option<&str>),
    username: &str,
    password: &str,
) -> serde_json::Value {
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let scope = ("scope", "openid profile offline_access");
    let mut form = vec![("client_id", client), scope];
    form.extend(secret.map(|secret| ("client_secret", secret)));
    let started: serde_json::Value = browser
        .post(iam.join("devicecode").unwrap())
        .form(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let user_code = started["user_code"].as_str().unwrap();
    let mut cookie = String::new();
    let mut page = async |method: &str, path: &str, form: &[(&str, &str)]| {
        let mut request = browser.request(method.parse().unwrap(), iam.join(path).unwrap());
        if !cookie.is_empty() {
            request = request.header("cookie", &cookie);
        }
        if method == "POST" {
            request = request.form(form);
        }
        let response = request.send().await.unwrap();
        if let Some(set) = response.headers().get("set-cookie") {
            cookie = String::from(set.to_str().unwrap().split(';').next().unwrap());
        }
        response.text().await.unwrap()
    };
    let csrf = field(&page("GET", "login", &[]).await, "csrf");
    page(
        "POST",
        "login",
        &[
            ("csrf", &csrf),
            ("next", "/dashboard"),
            ("username", username),
            ("password", password),
        ],
    )
    .await;
    let csrf = field(&page("GET", "device", &[]).await, "csrf");
    let second = page(
        "POST",
        "device",
        &[("csrf", &csrf), ("user_code", user_code)],
    )
    .await;
    let csrf = field(&second, "csrf");
    page(
        "POST",
        "device",
        &[
            ("csrf", &csrf),
            ("user_code", user_code),
            ("decision", "approve"),
        ],
    )
    .await;
    let mut form = vec![
        ("client_id", client),
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", started["device_code"].as_str().unwrap()),
    ];
    form.extend(secret.map(|secret| ("client_secret", secret)));
    let answer = browser
        .post(iam.join("token").unwrap())
        .form(&form)
        .send()
        .await
        .unwrap();
    let status = answer.status();
    assert!(status.is_success(), "no token: {status}");
    answer.json().await.unwrap()
}

fn field(page: &str, name: &str) -> String {
    let at = page
        .find(&format!("name=\"{name}\""))
        .unwrap_or_else(|| panic!("no field {name} in {page}"));
    let value = page[at..].split_once("value=\"").unwrap().1;
    value.split('"').next().unwrap().to_owned()
}
