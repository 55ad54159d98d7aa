//! An IAM with three people, three clients and a clock that stands still; browsers and clients
//! that talk to it in-process.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use skykey_embedded::{ClientSeed, Directory, GrantType, GroupSeed, Iam, PersonSeed, Seed};
use skykey_types::{ManualClock, Secret};
use tempfile::TempDir;
use tower::ServiceExt;
use url::{Url, form_urlencoded};

pub(crate) const ISSUER: &str = "http://127.0.0.1:9000/";
pub(crate) const READERS: &str = "lsst/echo-readers";
pub(crate) const WEB_SECRET: &str = "web secret:1";
pub(crate) const SKYKEY_SECRET: &str = "skykey's secret: 1";
pub(crate) const WEB_CALLBACK: &str = "http://127.0.0.1:8080/callback";
pub(crate) const CLI_CALLBACK: &str = "http://127.0.0.1:4711/callback";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const ALL_SCOPES: &str = "openid profile email offline_access scim:read";

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) directory: Arc<Directory>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) router: Router,
    issuer: Url,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn location(&self) -> String {
        let location = self
            .headers
            .get(LOCATION)
            .unwrap_or_else(|| panic!("no redirect: {}", self.body));
        location.to_str().unwrap().to_owned()
    }

    /// A parameter of the place that the answer redirects to.
    pub(crate) fn sent_back(&self, name: &str) -> Option<String> {
        let url = Url::parse(ISSUER).unwrap().join(&self.location()).unwrap();
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The OAuth error code.
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::at(ISSUER)
    }

    /// As [`World::new`], at another address.
    pub(crate) fn at(issuer: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_second(1_750_000_000).unwrap());
        Self::open(dir, clock, Url::parse(issuer).unwrap())
    }

    /// The same machine after a restart.
    pub(crate) fn restarted(self) -> Self {
        Self::open(self.dir, self.clock, self.issuer)
    }

    fn open(dir: TempDir, clock: ManualClock, issuer: Url) -> Self {
        let shared = Arc::new(clock.clone());
        let directory = Arc::new(Directory::open(dir.path(), shared.clone(), seed()).unwrap());
        let iam = Iam::open(
            dir.path(),
            issuer.clone(),
            Arc::clone(&directory),
            clients(),
            shared,
        )
        .unwrap();
        let router = iam.router();
        Self {
            dir,
            clock,
            directory,
            iam,
            router,
            issuer,
        }
    }

    pub(crate) fn sub(&self, username: &str) -> String {
        self.directory.by_username(username).unwrap().sub
    }

    pub(crate) fn group_id(&self, path: &str) -> String {
        self.directory.group(&path.parse().unwrap()).unwrap().id
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// A call with a bearer token and perhaps a JSON body.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(CONTENT_TYPE, "application/json");
        self.send(
            request
                .body(body.map_or(Body::empty(), |body| Body::from(body.to_string())))
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, token, None).await
    }

    /// A form, without authentication but for what is in it.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.form_as(path, None, fields).await
    }

    /// A form from a client that authenticates by HTTP Basic.
    pub(crate) async fn form_as(
        &self,
        path: &str,
        client: Option<(&str, &str)>,
        fields: &[(&str, &str)],
    ) -> Answer {
        let mut request =
            Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some((id, secret)) = client {
            let secret: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            request = request.header(
                AUTHORIZATION,
                format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
            );
        }
        self.send(request.body(Body::from(encoded(fields))).unwrap())
            .await
    }

    pub(crate) async fn as_web(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.form_as(path, Some(("web", WEB_SECRET)), fields).await
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            world: self,
            cookie: None,
        }
    }

    /// A browser in which this person is logged in.
    pub(crate) async fn logged_in(&self, username: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser
            .log_in(username, &password(username), "/dashboard")
            .await;
        assert_eq!(
            (answer.status, answer.location().as_str()),
            (StatusCode::SEE_OTHER, "/dashboard")
        );
        browser
    }

    /// The token endpoint's answer to a code that this person's browser got for the client `web`.
    pub(crate) async fn web_tokens(&self, username: &str, scope: &str) -> Value {
        let mut browser = self.logged_in(username).await;
        let answer = browser.get(&web_authorize(scope)).await;
        let code = answer
            .sent_back("code")
            .unwrap_or_else(|| panic!("no code: {}", answer.location()));
        let answer = self.as_web("/token", &redemption(&code)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }

    pub(crate) async fn access_token(&self, username: &str, scope: &str) -> String {
        text(&self.web_tokens(username, scope).await["access_token"])
    }

    /// A token of the client `admin` for itself.
    pub(crate) async fn admin_token(&self, scope: &str) -> String {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        text(
            &self
                .form_as("/token", Some(("admin", "admin secret")), &fields)
                .await
                .json()["access_token"],
        )
    }
}

pub(crate) struct Browser<'a> {
    world: &'a World,
    cookie: Option<String>,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    /// Sends a form with the csrf value that the page `page` shows.
    pub(crate) async fn post(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf(page).await;
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        self.post_bare(path, &fields).await
    }

    /// Sends a form as it is.
    pub(crate) async fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, Body::from(encoded(fields))).await
    }

    /// A call of the API with the cookie.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        csrf: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(csrf) = csrf {
            request = request.header("x-csrf-token", csrf);
        }
        self.send(
            request,
            body.map_or(Body::empty(), |body| Body::from(body.to_string())),
        )
        .await
    }

    /// As [`Browser::call`], with the right csrf value.
    pub(crate) async fn act(&mut self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let csrf = self.csrf("/dashboard").await;
        self.call(method, path, Some(&csrf), body).await
    }

    pub(crate) async fn log_in(&mut self, username: &str, password: &str, next: &str) -> Answer {
        self.post(
            "/login",
            "/login",
            &[
                ("username", username),
                ("password", password),
                ("next", next),
            ],
        )
        .await
    }

    pub(crate) async fn csrf(&mut self, page: &str) -> String {
        let html = self.get(page).await.body;
        let (_, rest) = html
            .split_once("name=\"csrf\" value=\"")
            .expect("the page has a form");
        rest.split('"').next().unwrap().to_owned()
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Answer {
        let request = match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        };
        let answer = self.world.send(request.body(body).unwrap()).await;
        if let Some(cookie) = answer.headers.get(SET_COOKIE) {
            self.cookie = Some(
                cookie
                    .to_str()
                    .unwrap()
                    .split(';')
                    .next()
                    .unwrap()
                    .to_owned(),
            );
        }
        answer
    }
}

pub(crate) fn password(username: &str) -> String {
    format!("{username}'s password")
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}

pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// Where a browser goes for the client `web`.
pub(crate) fn web_authorize(scope: &str) -> String {
    authorize(&[
        ("client_id", "web"),
        ("redirect_uri", WEB_CALLBACK),
        ("scope", scope),
    ])
}

/// `/authorize` with these parameters and the usual others.
pub(crate) fn authorize(fields: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let others = usual
        .iter()
        .filter(|(name, _)| fields.iter().all(|(given, _)| given != name));
    let all: Vec<_> = fields.iter().chain(others).copied().collect();
    format!("/authorize?{}", encoded(&all))
}

/// The fields with which `web` redeems a code.
pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", WEB_CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn seed() -> Seed {
    let person = |username: &str, family: &str, groups: &[&str], manages: &[&str]| PersonSeed {
        username: username.to_owned(),
        given_name: username[..1].to_uppercase() + &username[1..],
        family_name: family.to_owned(),
        email: format!("{username}@example.org"),
        is: String::new(),
        password: Secret::new(password(username)),
        groups: groups.iter().map(|path| path.parse().unwrap()).collect(),
        manages: manages.iter().map(|path| path.parse().unwrap()).collect(),
    };
    Seed {
        groups: vec![
            GroupSeed {
                path: READERS.parse().unwrap(),
                description: "may read the images".to_owned(),
            },
            GroupSeed {
                path: "ska".parse().unwrap(),
                description: String::new(),
            },
        ],
        people: vec![
            person("ada", "Lovelace", &[], &[]),
            person("eve", "Ryder", &[READERS], &[]),
            person("grace", "Hopper", &[READERS], &[READERS]),
        ],
    }
}

fn clients() -> Vec<ClientSeed> {
    let client =
        |id: &str, secret: Option<&str>, uris: &[&str], grants: &[GrantType], scopes: &str| {
            ClientSeed {
                client_id: id.to_owned(),
                secret: secret.map(Secret::new),
                redirect_uris: uris.iter().map(|&uri| uri.to_owned()).collect(),
                grants: grants.to_vec(),
                scopes: scopes.split(' ').map(str::to_owned).collect(),
            }
        };
    let web_scopes = format!("{ALL_SCOPES} iam:admin.write");
    let (code, refresh, device) = (
        GrantType::AuthorizationCode,
        GrantType::RefreshToken,
        GrantType::DeviceCode,
    );
    let own = GrantType::ClientCredentials;
    vec![
        client(
            "web",
            Some(WEB_SECRET),
            &[WEB_CALLBACK],
            &[code, refresh],
            &web_scopes,
        ),
        client(
            "cli",
            None,
            &["http://127.0.0.1/callback"],
            &[code, refresh, device],
            ALL_SCOPES,
        ),
        client(
            "admin",
            Some("admin secret"),
            &[],
            &[own],
            "scim:read iam:admin.read iam:admin.write",
        ),
        client(
            "skykey",
            Some(SKYKEY_SECRET),
            &[WEB_CALLBACK],
            &[code, refresh, device, own],
            ALL_SCOPES,
        ),
    ]
}
