//! A hub that answers as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skykey_hub::{Hub, HubSettings, Servers};
use skykey_testkit::{Request, Response, Server};
use skykey_types::{ManualClock, Secret, Timestamp};
use skykey_upstream::UpstreamMetrics;

#[derive(Default)]
pub(crate) struct Inner {
    /// By method.
    pub(crate) answers: BTreeMap<String, (u16, Value)>,
    pub(crate) seen: Vec<(String, String)>,
}

pub(crate) struct Fake {
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: ManualClock,
    settings: HubSettings,
    pub(crate) inner: Arc<Mutex<Inner>>,
    _server: Server,
}

impl Fake {
    /// A hub whose address has `path` before `hub/`.
    pub(crate) async fn start(path: &str) -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let answering = inner.clone();
        let server = Server::start(move |request| answer(&answering, request));
        let server = server.await.unwrap();
        let clock = ManualClock::at(Timestamp::from_second(1_795_507_200).unwrap());
        let settings = HubSettings {
            url: server.url.join(path).unwrap(),
            authorities: None,
            service_token: None,
            stop_servers: false,
        };
        let hub = Arc::new(client(&settings, &clock));
        Self {
            hub,
            clock,
            settings,
            inner,
            _server: server,
        }
    }

    /// The hub, for nobody else yet.
    pub(crate) fn alone(&self) -> Hub {
        client(&self.settings, &self.clock)
    }

    pub(crate) fn say(&self, status: u16, body: Value) {
        self.say_to("GET", status, body);
    }

    pub(crate) fn say_to(&self, method: &str, status: u16, body: Value) {
        let mut inner = self.inner.lock().unwrap();
        inner.answers.insert(method.to_owned(), (status, body));
    }

    /// The hub as a service of its sees it.
    pub(crate) fn servers(&self) -> Servers {
        let token = Secret::new("of-the-service");
        Servers::new(&self.settings, &token, &UpstreamMetrics::default()).unwrap()
    }

    /// Says that the token is that of ada's default server.
    pub(crate) fn know_ada(&self) {
        self.say(
            200,
            json!({
                "name": "ada", "kind": "user", "groups": ["lsst"], "admin": false, "token_id": "a7",
                "scopes": ["access:servers!server=ada/", "users:activity!user=ada"],
            }),
        );
    }

    /// Method and path, and the authorization, of each request so far.
    pub(crate) fn seen(&self) -> Vec<(String, String)> {
        self.inner.lock().unwrap().seen.clone()
    }
}

fn answer(inner: &Mutex<Inner>, request: &Request) -> Response {
    let mut inner = inner.lock().unwrap();
    let (method, _) = request.line.split_once(' ').unwrap();
    let (line, _) = request.line.split_once('?').unwrap_or((&request.line, ""));
    let authorization = request.header("authorization").unwrap().to_owned();
    inner.seen.push((line.to_owned(), authorization));
    let (status, body) = &inner.answers[method];
    Response::new(*status, body.to_string()).header("content-type: application/json")
}

fn client(settings: &HubSettings, clock: &ManualClock) -> Hub {
    let clock = Arc::new(clock.clone());
    Hub::new(settings, &UpstreamMetrics::default(), clock).unwrap()
}
