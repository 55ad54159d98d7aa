//! A portal, and browsers and programs that call it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use skykey_broker::Issued;
use skykey_hub::{Hub, HubName, HubSettings};
use skykey_iam::{Iam, IamSettings};
use skykey_portal::{JupyterSettings, PortalSettings};
use skykey_serve::ClientAddr;
use skykey_testkit::broker::{World, application_credential, demo};
use skykey_testkit::oidc::Provider;
use skykey_testkit::{Response, Server};
use skykey_types::{Clock, Method, RequestId, Secret, SignedDuration};
use skykey_upstream::UpstreamMetrics;
use tower::ServiceExt;
use url::Url;

const CLIENT: &str = "skykey-portal";
const FORM: &str = "application/x-www-form-urlencoded";

/// A portal over a broker on fakes, an IAM that signs tokens, and a hub that knows each person's server.
pub(crate) struct Portal {
    pub(crate) world: World,
    pub(crate) iam: Provider,
    pub(crate) hub: Server,
    router: Router,
}

/// What the portal answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The id that the request had.
    pub(crate) request_id: RequestId,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The status and, from the API, the error's code.
    pub(crate) fn error(&self) -> (u16, String) {
        let code = self.json()["error"]["code"].as_str().unwrap().to_owned();
        (self.status.as_u16(), code)
    }

    fn cookie(&self) -> String {
        let set = self.header(SET_COOKIE.as_str());
        set.split(';').next().unwrap().to_owned()
    }
}

impl Portal {
    pub(crate) async fn start() -> Self {
        let iam = Provider::start().await.unwrap();
        let world = World::with_issuer(iam.issuer.as_str()).await;
        let hub = Server::start(|request| hub(request.header("authorization")))
            .await
            .unwrap();
        let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
        let public: Url = "http://portal.example/".parse().unwrap();
        let settings = IamSettings::new(
            iam.issuer.as_str().parse().unwrap(),
            CLIENT,
            Secret::new("the client's secret"),
        );
        let redirect = public.join("login/callback").unwrap();
        let metrics = UpstreamMetrics::default();
        let client = Arc::new(Iam::new(settings, redirect, &metrics, clock.clone()).unwrap());
        let hub_settings = HubSettings {
            url: hub.url.clone(),
            authorities: None,
            service_token: None,
            stop_servers: false,
        };
        let hub_client = Hub::new(&hub_settings, &metrics, clock.clone()).unwrap();
        let notebooks = JupyterSettings {
            user: HubName::Sub,
            any_token: false,
            survey: Some("demo".parse().unwrap()),
            lifetime: None,
            method: None,
        };
        let settings = PortalSettings {
            public,
            s3: "http://s3.example/".parse().unwrap(),
            region: "us-east-1".to_owned(),
            join_at: "https://iam.example/dashboard".parse().unwrap(),
            jupyter: Some((Arc::new(hub_client), notebooks)),
            cli_client_id: Some("skykey-cli".to_owned()),
            cli_ports: None,
        };
        let router = skykey_portal::router(world.broker.clone(), client, settings, clock);
        Self {
            world,
            iam,
            hub,
            router,
        }
    }

    /// Sends a request, as from an address of the documentation's.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let client = ClientAddr("192.0.2.1".parse().unwrap());
        request.extensions_mut().insert(client);
        let request_id = RequestId::new();
        request.extensions_mut().insert(request_id.clone());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            request_id,
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Sends a request with these headers.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(CONTENT_LENGTH, body.len());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// An access token of the IAM for somebody.
    pub(crate) fn access_token(&self, who: &str) -> String {
        let now = self.world.now();
        self.iam.key.sign(&json!({
            "iss": self.iam.issuer, "sub": who, "aud": CLIENT, "scope": "openid",
            "iat": now.as_second(), "exp": (now + SignedDuration::from_hours(1)).as_second(),
        }))
    }

    /// Issues a lease by the gateway to somebody.
    pub(crate) async fn lease(&self, who: &str) -> Issued {
        self.world.issue(who, &demo(Method::Gateway)).await
    }

    /// A token of Keystone that an application credential of somebody's got.
    pub(crate) fn machine_token(&self, who: &str) -> Secret {
        let about = application_credential(&self.world, who);
        self.world.keystone.token(about)
    }

    /// Opens a browser in which nobody is logged in.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            portal: self,
            cookies: Vec::new(),
        }
    }

    /// Opens a browser and logs somebody in.
    pub(crate) async fn logged_in(&self, who: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let callback = browser.begin_login(who).await;
        let back = browser.get(&callback).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.body);
        browser
    }
}

/// The hub knows the tokens `server-of-WHO`, `slow-server-of-WHO`, about which it answers late, and
/// `hand-made-by-WHO`.
fn hub(authorization: Option<&str>) -> Response {
    let token = authorization.unwrap_or_default();
    let token = token.split_once(' ').map_or("", |(_, token)| token);
    if let Some(token) = token.strip_prefix("slow-") {
        let answer = hub(Some(&format!("Bearer {token}")));
        return answer.after(Duration::from_millis(300));
    }
    let (name, scopes) = if let Some(who) = token.strip_prefix("server-of-") {
        (who, json!([format!("access:servers!server={who}/")]))
    } else if let Some(who) = token.strip_prefix("hand-made-by-") {
        (who, json!(["self"]))
    } else {
        return Response::status(403);
    };
    let user =
        json!({ "name": name, "kind": "user", "groups": [], "scopes": scopes, "token_id": "a1" });
    Response::ok(user.to_string()).header("content-type: application/json")
}

/// A browser, which keeps cookies.
pub(crate) struct Browser<'p> {
    portal: &'p Portal,
    cookies: Vec<String>,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.go("GET", path, "").await
    }

    /// Sends a form, without the CSRF token.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.go("POST", path, form).await
    }

    /// Sends a form with the CSRF token of this browser's session.
    pub(crate) async fn submit(&mut self, path: &str, form: &str) -> Answer {
        let csrf = self.csrf().await;
        self.post(path, &format!("csrf={csrf}&{form}")).await
    }

    /// Begins a login at the IAM, which then lets `who` in. Returns the path to which the IAM sends the
    /// browser back.
    pub(crate) async fn begin_login(&mut self, who: &str) -> String {
        let begun = self.get("/login").await;
        let to: Url = begun.header(LOCATION.as_str()).parse().unwrap();
        let in_url = |name: &str| {
            let mut pairs = to.query_pairs();
            pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
        };
        let (iam, now) = (&self.portal.iam, self.portal.world.now().as_second());
        let id_token = iam.key.sign(&json!({
            "iss": iam.issuer, "sub": who, "aud": CLIENT, "iat": now, "exp": now + 3600,
            "nonce": in_url("nonce"), "preferred_username": who, "name": who,
        }));
        let answer = json!({
            "access_token": format!("iam-token-of-{who}"), "token_type": "bearer", "expires_in": 3600,
            "id_token": id_token,
        });
        iam.set("/token", 200, answer);
        format!("/login/callback?code=a-code&state={}", in_url("state"))
    }

    /// The CSRF token in the forms of the front page.
    pub(crate) async fn csrf(&mut self) -> String {
        let page = self.get("/").await.body;
        let (_, after) = page
            .split_once("name=\"csrf\" value=\"")
            .unwrap_or_else(|| panic!("no form in {page}"));
        after.split('"').next().unwrap().to_owned()
    }

    /// Its cookies, as a header's value.
    pub(crate) fn cookies(&self) -> String {
        self.cookies.join("; ")
    }

    async fn go(&mut self, method: &str, path: &str, form: &str) -> Answer {
        let cookies = self.cookies();
        let mut headers = vec![(COOKIE.as_str(), cookies.as_str())];
        if method == "POST" {
            headers.push((CONTENT_TYPE.as_str(), FORM));
        }
        let answer = self.portal.call(method, path, &headers, form).await;
        let set = answer.cookie();
        if let Some((name, _)) = set.split_once('=') {
            self.cookies
                .retain(|cookie| !cookie.starts_with(&format!("{name}=")));
            self.cookies.push(set);
        }
        answer
    }
}
