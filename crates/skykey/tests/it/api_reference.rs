//! The examples in the reference of the API (`docs/api.md`) are what a running portal returns.
//!
//! `SKYKEY_RECORD=1 cargo test -p skykey --test it api_reference` records them anew; after that
//! `cargo run -p skykey-api --example reference` writes the reference.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use skykey_api::Operation;
use skykey_types::{Clock, SignedDuration, Timestamp};

use crate::jupyter::Hub;
use crate::world::access_token;

/// What stands for this run's values in the reference.
const START: &str = "2026-11-30T09:00:00Z";
const LEASE: &str = "lease-5f2b8c0d9e1a4c37";

struct Recorder {
    /// Of this run, and what stands for it.
    addresses: Vec<(String, &'static str)>,
    shift: SignedDuration,
}

impl Recorder {
    fn new(hub: &Hub) -> Self {
        let up = hub.sky.world.up_file();
        let address = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
        let start: Timestamp = START.parse().unwrap();
        Self {
            addresses: vec![
                (address(&up.portal), "https://skykey.example.org"),
                (address(&up.iam), "https://iam.example.org"),
                (address(&up.s3), "https://s3.example.org"),
            ],
            shift: start.duration_since(hub.sky.clock.now()),
        }
    }

    /// The same with nothing of this run in it.
    fn plain(&self, name: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter();
                let plain = fields.map(|(name, value)| (name.clone(), self.plain(name, value)));
                Value::Object(plain.collect())
            }
            Value::Array(values) => values.iter().map(|value| self.plain(name, value)).collect(),
            Value::String(text) => json!(self.text(name, text)),
            other => other.clone(),
        }
    }

    /// The time as if the clock had stood at [`START`]. Some times are cut to the second, and this
    /// run's clock does not stand at a whole one.
    fn time(&self, time: Timestamp) -> Timestamp {
        let shifted = time + self.shift;
        let begun = i64::from(shifted.subsec_nanosecond() > 0);
        Timestamp::from_second(shifted.as_second() + begun).unwrap()
    }

    fn text(&self, name: &str, text: &str) -> String {
        match name {
            "access_key_id" | "AccessKeyId" => "SKEXAMPLEKEY".to_owned(),
            "SecretAccessKey" => "EXAMPLE-SECRET".to_owned(),
            "SessionToken" | "Token" => "EXAMPLE-SESSION-TOKEN".to_owned(),
            "id" => LEASE.to_owned(),
            "sub" => "6a1f4e52-93d7-4b2e-8c1d-2f0e9b7a5d34".to_owned(),
            _ => match text.parse::<Timestamp>() {
                Ok(time) => self.time(time).to_string(),
                Err(_) => self
                    .addresses
                    .iter()
                    .fold(text.to_owned(), |text, (here, there)| {
                        text.replace(here.as_str(), there)
                    }),
            },
        }
    }
}

fn check(operation: Operation, found: &Value) {
    let path = format!("../api/recorded/{}.json", operation.id());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("SKYKEY_RECORD").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("{found:#}\n")).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    let recorded: Value = serde_json::from_str(&recorded).unwrap_or_default();
    assert_eq!(
        recorded, *found,
        "{operation:?} is stale: record it anew, as this file's first lines say"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_reference_are_what_a_portal_returns() {
    let hub = Hub::start("", &["m13"]).await;
    let recorder = Recorder::new(&hub);
    let up = hub.sky.world.up_file();
    let bob = up.people.iter().find(|person| person.username == "bob");
    let token = access_token(&hub.sky, "bob", &bob.unwrap().password).await;
    let mut lease = String::new();
    let mut operations = Operation::ALL;
    // So that there is one to list.
    operations.sort_by_key(|operation| *operation != Operation::IssueLease);
    for operation in operations {
        let (path, authorization, body) = match operation {
            Operation::ShowSite => (operation.path().to_owned(), None, None),
            Operation::IssueLease => {
                let body = json!({ "survey": "m13", "lifetime": 3600, "method": "gateway" });
                (operation.path().to_owned(), Some(token.clone()), Some(body))
            }
            Operation::ReturnLease => {
                let path = operation.path().replace("{id}", &lease);
                (path, Some(token.clone()), None)
            }
            Operation::JupyterCredentials => {
                let path = format!("{}?survey=m13", operation.path());
                (path, Some("server-of-bob".to_owned()), None)
            }
            Operation::ShowMe | Operation::ListSurveys | Operation::ListLeases => {
                (operation.path().to_owned(), Some(token.clone()), None)
            }
        };
        let url = up.portal.join(&path).unwrap();
        let method = operation.method().parse().unwrap();
        let mut request = hub.sky.http.request(method, url);
        let mut headers = Map::new();
        if let Some(authorization) = &authorization {
            request = request.bearer_auth(authorization);
            headers.insert("Authorization".to_owned(), json!("Bearer TOKEN"));
        }
        if let Some(body) = &body {
            request = request.json(body);
            headers.insert("Content-Type".to_owned(), json!("application/json"));
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        assert_eq!(status, operation.status(), "{operation:?}");
        let shown = ["content-type", "skykey-survey", "skykey-places"];
        let answered: Map<String, Value> = shown
            .into_iter()
            .filter_map(|name| {
                let value = response.headers().get(name)?.to_str().unwrap();
                Some((name.to_owned(), json!(value)))
            })
            .collect();
        let answer: Value = response.json().await.unwrap_or_default();
        if operation == Operation::IssueLease {
            answer["lease"]["id"]
                .as_str()
                .unwrap()
                .clone_into(&mut lease);
        }
        let path = if lease.is_empty() {
            path
        } else {
            path.replace(&lease, LEASE)
        };
        let found = json!({
            "request": { "path": path, "headers": headers, "body": body },
            "response": {
                "status": status, "headers": answered, "body": recorder.plain("", &answer),
            },
        });
        check(operation, &found);
    }
    hub.sky.world.stop().await;
}

/// The reference is made of the operations, and so is the router. What else the portal serves is pages.
#[tokio::test(flavor = "multi_thread")]
async fn the_portal_serves_every_operation_of_the_reference_and_no_other_api() {
    let hub = Hub::start("", &["m13"]).await;
    let portal = &hub.sky.world.up_file().portal;
    for operation in Operation::ALL {
        let path = operation.path().replace("{id}", "lease-0");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let described = Operation::ALL
                .iter()
                .any(|other| other.path() == operation.path() && other.method() == method);
            let url = portal.join(&path).unwrap();
            let request = hub.sky.http.request(method.parse().unwrap(), url);
            let status = request.send().await.unwrap().status().as_u16();
            assert_eq!(status != 405, described, "{method} {path}: {status}");
            assert_ne!(status, 404, "{method} {path}");
        }
    }
    hub.sky.world.stop().await;
}
