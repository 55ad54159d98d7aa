//! A Keystone that gives its answers in order, one request a connection, and then none.

use serde_json::{Value, json};
use skykey_keystone::Keystone;
use skykey_testkit::{Response, Server};
use skykey_types::ManualClock;

use crate::scripted::{NOW, client};

/// An answer with a JSON body.
pub(crate) fn json_body(status: u16, body: &Value) -> Response {
    Response::new(status, body.to_string())
}

/// A login that works.
pub(crate) fn token(token: &'static str) -> Response {
    let body = json!({"token": {
        "user": {"id": "1", "name": "skykey"}, "project": {"id": "2", "name": "lsst"},
        "roles": [{"id": "3", "name": "member"}], "expires_at": "2026-11-23T10:00:00.000000Z",
    }});
    json_body(201, &body).header(&format!("x-subject-token: {token}"))
}

pub(crate) struct Raw {
    pub(crate) keystone: Keystone,
    server: Server,
}

impl Raw {
    pub(crate) async fn new(responses: Vec<Response>) -> Self {
        let server = Server::sequence(responses).await.unwrap();
        let clock = ManualClock::at(NOW.parse().unwrap());
        Self {
            keystone: client(server.address, &clock),
            server,
        }
    }

    /// The first lines of the requests that were received, without the version.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.server.requests();
        requests.into_iter().map(|request| request.line).collect()
    }
}
