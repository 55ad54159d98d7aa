//! `GET /jupyter/credentials`, with a scripted hub that knows given tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};
use skykey_types::{Clock, SignedDuration, Timestamp};

use crate::world::TestWorld;

/// What a hub knows, by token; `None` while it is in trouble.
type Tokens = Arc<Mutex<Option<BTreeMap<String, Value>>>>;

pub(crate) struct Hub {
    pub(crate) sky: TestWorld,
    tokens: Tokens,
}

impl Hub {
    /// With `more` in `[jupyterhub]`, and these surveys.
    pub(crate) async fn start(more: &str, surveys: &[&str]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tokens: Tokens = Arc::new(Mutex::new(Some(BTreeMap::new())));
        let router = Router::new()
            .route("/base/hub/api/user", get(user))
            .with_state(tokens.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut text = format!("[jupyterhub]\nurl = \"http://{address}/base/\"\n{more}\n");
        for survey in surveys {
            text += "[[survey]]\nname = \"";
            text += survey;
            text += "\"\n";
        }
        let hub = Self {
            sky: TestWorld::start_with(&text).await,
            tokens,
        };
        for name in ["bob", "alice", "mallory"] {
            hub.start_server(name);
        }
        hub
    }

    fn know(&self, token: &str, user: Value) {
        let mut tokens = self.tokens.lock().unwrap();
        tokens.as_mut().unwrap().insert(token.to_owned(), user);
    }

    /// Starts somebody's notebook server, whose token is `server-of-NAME`.
    fn start_server(&self, name: &str) {
        let scopes = [format!("access:servers!server={name}/")];
        let user = json!({ "name": name, "kind": "user", "scopes": scopes });
        self.know(&format!("server-of-{name}"), user);
    }

    fn stop_server(&self, name: &str) {
        let mut tokens = self.tokens.lock().unwrap();
        tokens
            .as_mut()
            .unwrap()
            .remove(&format!("server-of-{name}"));
    }

    async fn ask_as(&self, authorization: Option<&str>, query: &str) -> (u16, Value) {
        let portal = &self.sky.world.up_file().portal;
        let url = portal.join(&format!("jupyter/credentials{query}")).unwrap();
        let mut request = self.sky.http.get(url);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        assert!(!body.contains('\n'), "one line: {body}");
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn ask(&self, name: &str) -> (u16, Value) {
        let token = format!("Bearer server-of-{name}");
        self.ask_as(Some(&token), "?survey=m13").await
    }

    /// The access key id that somebody gets.
    async fn key(&self, name: &str) -> String {
        let (status, body) = self.ask(name).await;
        assert_eq!(status, 200, "{body}");
        body["AccessKeyId"].as_str().unwrap().to_owned()
    }

    /// The status, the code and the sentence of a no.
    async fn refused(&self, authorization: Option<&str>, query: &str) -> (u16, String, String) {
        let (status, body) = self.ask_as(authorization, query).await;
        let fields = body.as_object().unwrap();
        assert_eq!(fields.len(), 2, "{body}");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (status, text("code"), text("message"))
    }

    fn wait(&self, seconds: i64) {
        self.sky.clock.advance(SignedDuration::from_secs(seconds));
    }

    async fn set_member(&self, name: &str, member: bool) {
        let directory = self.sky.world.directory().unwrap();
        let sub = directory.by_username(name).unwrap().sub;
        let group = "m13/readers".parse().unwrap();
        if member {
            directory.add_to_group(&sub, &group).await.unwrap();
        } else {
            directory.remove_from_group(&sub, &group).await.unwrap();
        }
    }
}

async fn user(State(tokens): State<Tokens>, headers: HeaderMap) -> (StatusCode, axum::Json<Value>) {
    let token = headers["authorization"].to_str().unwrap();
    let token = token.strip_prefix("token ").unwrap();
    let nothing = axum::Json(json!({ "message": "Missing or invalid credentials." }));
    match &*tokens.lock().unwrap() {
        None => (StatusCode::SERVICE_UNAVAILABLE, nothing),
        Some(tokens) => match tokens.get(token) {
            Some(user) => (StatusCode::OK, axum::Json(user.clone())),
            None => (StatusCode::FORBIDDEN, nothing),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notebook_server_reads_with_what_it_is_handed_and_gets_new_ones_in_time() {
    let hub = Hub::start("", &["m13", "other"]).await;
    let (status, body) = hub.ask("bob").await;
    assert_eq!(status, 200, "{body}");
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["AccessKeyId", "Expiration", "SecretAccessKey", "Token"]
    );
    let expiration = body["Expiration"].as_str().unwrap();
    assert!(expiration.ends_with('Z'));
    let end: Timestamp = expiration.parse().unwrap();
    let lasts = end.duration_since(hub.sky.clock.now()).as_secs();
    assert!((3598..=3600).contains(&lasts), "{lasts}");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let keys = skykey_types::Credentials {
        access_key_id: skykey_types::AccessKeyId::new(text("AccessKeyId")),
        secret_access_key: text("SecretAccessKey").into(),
        session_token: Some(text("Token").into()),
        expiration: None,
    };
    let (status, listing) = hub.sky.send(&keys, "GET", "m13?list-type=2", "").await;
    assert_eq!(status, 200, "{listing}");
    let (status, _) = hub.sky.send(&keys, "PUT", "m13/x", "").await;
    assert_eq!(status, 403);
    let first = hub.key("bob").await;
    assert_eq!(first, text("AccessKeyId"), "the same again");
    hub.wait(3600 - 20 * 60);
    assert_ne!(hub.key("bob").await, first);
    hub.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_no_server_is_refused() {
    let hub = Hub::start("", &["m13", "other"]).await;
    let bob = |scopes: Value| json!({ "name": "bob", "kind": "user", "scopes": scopes });
    hub.know(
        "by-hand",
        bob(json!(["inherit", "access:servers!user=bob"])),
    );
    hub.know(
        "of-alices-server",
        bob(json!(["access:servers!server=alice/"])),
    );
    let service =
        json!({ "name": "bob", "kind": "service", "scopes": ["access:servers!server=bob/"] });
    hub.know("of-a-service", service);
    for (authorization, status, code) in [
        (None, 401, "unauthorized"),
        (Some(""), 401, "unauthorized"),
        (Some("server-of-bob"), 401, "unauthorized"),
        (Some("Basic server-of-bob"), 401, "unauthorized"),
        (Some("Bearer "), 401, "unauthorized"),
        (Some("Bearer wrong"), 401, "unauthorized"),
        (Some("Bearer by-hand"), 403, "not_a_server"),
        (Some("Bearer of-alices-server"), 403, "not_a_server"),
        (Some("Bearer of-a-service"), 403, "not_a_server"),
        (Some("Bearer server-of-mallory"), 403, "account_inactive"),
        (Some("Bearer server-of-alice"), 403, "not_a_member"),
    ] {
        let refused = hub.refused(authorization, "?survey=m13").await;
        assert_eq!(
            (refused.0, refused.1.as_str()),
            (status, code),
            "{authorization:?}"
        );
        assert!(
            refused.2.contains("; "),
            "what to do is said: {}",
            refused.2
        );
    }
    let (status, _) = hub.ask_as(Some("token server-of-bob"), "?survey=m13").await;
    assert_eq!(status, 200, "as JupyterHub itself writes it");
    hub.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_may_let_every_token_count_but_never_a_services() {
    let hub = Hub::start("any_token = true\nsurvey = \"m13\"", &["m13", "other"]).await;
    hub.know("by-hand", json!({ "name": "bob", "kind": "user" }));
    hub.know("service", json!({ "name": "bob", "kind": "service" }));
    assert_eq!(hub.ask_as(Some("Bearer by-hand"), "").await.0, 200);
    assert_eq!(hub.ask_as(Some("Bearer service"), "").await.0, 403);
    hub.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_servers_token_is_refused_within_the_time_that_a_yes_is_kept() {
    let hub = Hub::start("", &["m13"]).await;
    let first = hub.key("bob").await;
    hub.stop_server("bob");
    hub.wait(30);
    let (status, code, message) = hub.refused(Some("Bearer server-of-bob"), "").await;
    assert_eq!((status, code.as_str()), (401, "unauthorized"));
    assert!(message.contains("start the server again"), "{message}");
    hub.start_server("bob");
    assert_eq!(hub.key("bob").await, first, "the next server gets the same");
    hub.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_told_in_a_sentence_and_readmission_recovers() {
    let hub = Hub::start("", &["m13"]).await;
    let first = hub.key("bob").await;
    hub.set_member("bob", false).await;
    hub.sky.world.broker().watch_once().await.unwrap();
    let at = hub.sky.clock.now().strftime("%H:%M UTC on %-d %B %Y");
    for query in ["?survey=m13", ""] {
        let (status, code, message) = hub.refused(Some("Bearer server-of-bob"), query).await;
        assert_eq!((status, code.as_str()), (403, "not_a_member"));
        let join = hub.sky.world.up_file().iam.join("dashboard").unwrap();
        let says = format!("removed from m13/readers at {at}; ask to join again at {join}");
        assert_eq!(message, says);
    }
    hub.set_member("bob", true).await;
    hub.wait(5);
    assert_ne!(hub.key("bob").await, first);
    hub.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_survey_is_the_one_asked_for_the_configured_or_the_only_one() {
    let hub = Hub::start("", &["m13", "other"]).await;
    let bob = Some("Bearer server-of-bob");
    let (status, code, message) = hub.refused(bob, "").await;
    assert_eq!((status, code.as_str()), (400, "bad_request"));
    assert!(
        message.contains("m13, other") && message.contains("?survey=NAME"),
        "{message}"
    );
    assert_eq!(
        hub.refused(bob, "?survey=atlantis").await.1,
        "no_such_survey"
    );
    assert_eq!(
        hub.refused(bob, "?survey=m13&survey=other").await.1,
        "bad_request"
    );
    hub.set_member("bob", false).await;
    hub.wait(61);
    let (_, body) = hub.ask_as(bob, "").await;
    assert!(
        body["AccessKeyId"].is_string(),
        "only 'other' is left: {body}"
    );
    let alice = hub.refused(Some("Bearer server-of-alice"), "").await;
    assert_eq!(alice.1, "not_a_member");
    assert!(
        alice.2.contains("may read no survey; ask to join"),
        "{}",
        alice.2
    );
    hub.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_hub_is_away_a_server_gets_what_it_has_and_nothing_new() {
    let hub = Hub::start("", &["m13"]).await;
    let first = hub.key("bob").await;
    let known = hub.tokens.lock().unwrap().take();
    hub.wait(31);
    assert_eq!(hub.key("bob").await, first);
    let alice = hub.refused(Some("Bearer server-of-alice"), "").await;
    assert_eq!((alice.0, alice.1.as_str()), (503, "upstream_away"));
    hub.set_member("bob", false).await;
    hub.sky.world.broker().watch_once().await.unwrap();
    let bob = hub
        .refused(Some("Bearer server-of-bob"), "?survey=m13")
        .await;
    assert_eq!(bob.1, "not_a_member", "nothing is left to hand out");
    *hub.tokens.lock().unwrap() = known;
    hub.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_may_call_its_users_by_their_sub() {
    let hub = Hub::start("user = \"sub\"", &["m13"]).await;
    let directory = hub.sky.world.directory().unwrap();
    let sub = directory.by_username("bob").unwrap().sub;
    hub.start_server(&sub);
    hub.key(&sub).await;
    let bob = hub.refused(Some("Bearer server-of-bob"), "").await;
    assert_eq!(bob.1, "account_inactive", "no account has the sub 'bob'");
    hub.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_hub_there_is_nothing_and_other_methods_are_refused_in_a_sentence() {
    let sky = TestWorld::start().await;
    let url = sky
        .world
        .up_file()
        .portal
        .join("jupyter/credentials")
        .unwrap();
    for (method, status, code) in [("GET", 404, "no_hub"), ("POST", 405, "method_not_allowed")] {
        let request = sky.http.request(method.parse().unwrap(), url.clone());
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["code"], code);
    }
    sky.world.stop().await;
}
