//! The conformance tests on a real Keystone, as `tests/realstack/up` starts one: `SKYKEY_REALSTACK`
//! names its `stack.json`. Without it they are left out.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use skykey_keystone::conformance::{self, ForeignProject, Stand};
use skykey_keystone::{DEFAULT_DOMAIN, Keystone, Login, ProjectRef, Settings};
use skykey_types::{Secret, SystemClock, random_token};
use skykey_upstream::{Call, Upstream, UpstreamMetrics};
use url::Url;

const VARIABLE: &str = "SKYKEY_REALSTACK";
/// The stack's administrator of OpenStack, which makes the users of the test and takes them away.
const OPERATOR: &str = "admin";
/// The administrator that skykey would be given.
const ADMIN: &str = "skykey-admin";

/// `stack.json`, as far as it is read here.
#[derive(Deserialize)]
struct Stack {
    keystone: Url,
    users: std::collections::BTreeMap<String, StackUser>,
    surveys: Vec<Survey>,
}

#[derive(Deserialize)]
struct StackUser {
    password_file: PathBuf,
}

#[derive(Deserialize)]
struct Survey {
    data_project: Project,
    readers_project: Project,
}

#[derive(Deserialize)]
struct Project {
    name: String,
    id: String,
}

impl Stack {
    fn login(&self, username: &str, project: &str) -> Login {
        let password = std::fs::read_to_string(&self.users[username].password_file).unwrap();
        login(username, password.trim_end(), project)
    }
}

fn login(username: &str, password: &str, project: &str) -> Login {
    Login {
        username: username.to_owned(),
        password: Secret::new(password),
        user_domain: DEFAULT_DOMAIN.to_owned(),
        project: Some(in_default(project)),
    }
}

fn in_default(project: &str) -> ProjectRef {
    ProjectRef {
        name: project.to_owned(),
        domain: DEFAULT_DOMAIN.to_owned(),
    }
}

/// What only an operator does: users are made and unmade.
#[derive(Clone)]
struct Operator {
    upstream: Upstream,
    url: Url,
    token: Secret,
}

impl Operator {
    async fn new(url: &Url, keystone: &Keystone) -> Self {
        Self {
            upstream: keystone.upstream().clone(),
            url: url.clone(),
            token: keystone.own().await.unwrap().token,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.url))
            .header("x-auth-token", self.token.expose())
            .header("content-type", "application/json")
            .body(body.map_or_else(Bytes::new, |body| body.to_string().into()))
            .unwrap();
        let answer = self
            .upstream
            .send(&Call::new("prepare the test", request))
            .await
            .unwrap();
        assert!(answer.is_success(), "{path}: {}", answer.text());
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json().unwrap()
        }
    }

    async fn role(&self, name: &str) -> String {
        let path = format!("roles?name={name}");
        let found = self.ask(Method::GET, &path, None).await;
        found["roles"][0]["id"].as_str().unwrap().to_owned()
    }

    /// A new user with `role` in `projects`; it logs in for the first of them.
    async fn user(&self, what: &str, role: &str, projects: &[&Project]) -> (String, Login) {
        let name = format!("conformance-{what}-{}", random_token(12));
        let password = random_token(24);
        let user = json!({"user": {"name": name, "password": password, "domain_id": "default"}});
        let made = self.ask(Method::POST, "users", Some(user)).await;
        let id = made["user"]["id"].as_str().unwrap().to_owned();
        let role = self.role(role).await;
        for project in projects {
            let path = format!("projects/{}/users/{id}/roles/{role}", project.id);
            self.ask(Method::PUT, &path, None).await;
        }
        (id, login(&name, &password, &projects[0].name))
    }

    async fn disable(self, id: String) {
        let body = json!({"user": {"enabled": false}});
        self.ask(Method::PATCH, &format!("users/{id}"), Some(body))
            .await;
    }

    async fn remove(&self, id: &str) {
        self.ask(Method::DELETE, &format!("users/{id}"), None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_keystone_conforms() {
    let Some(path) = std::env::var_os(VARIABLE) else {
        eprintln!("left out: {VARIABLE} names no stack.json of a running tests/realstack/up");
        return;
    };
    let stack: Stack = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let settings = Settings {
        url: stack.keystone.clone(),
        login: stack.login(OPERATOR, OPERATOR),
        authorities: None,
        timeouts: None,
    };
    let metrics = UpstreamMetrics::default();
    let keystone = Keystone::new(settings, &metrics, Arc::new(SystemClock)).unwrap();
    let operator = Operator::new(&stack.keystone, &keystone).await;
    let [first, second, ..] = stack.surveys.as_slice() else {
        panic!("two surveys are needed")
    };
    let (home, other) = (&first.readers_project, &second.readers_project);
    let (member_id, member) = operator.user("member", "member", &[home, other]).await;
    let (reader_id, reader) = operator.user("reader", "reader", &[home]).await;
    let (doomed_id, doomed) = operator.user("doomed", "member", &[home]).await;
    let (disabler, id) = (operator.clone(), doomed_id.clone());
    let disable = move || -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(disabler.clone().disable(id.clone()))
    };
    let stand = Stand {
        url: stack.keystone.clone(),
        clock: Arc::new(SystemClock),
        member,
        second: in_default(&other.name),
        foreign: in_default(&first.data_project.name),
        admin: stack.login(ADMIN, "service"),
        reader: Some(reader),
        doomed,
        disable: Box::new(disable),
    };
    // In a task of its own, so that its users go away if it fails; their credentials go with them.
    let run = tokio::spawn(async move { conformance::all(&stand).await });
    let outcome = run.await;
    for id in [member_id, reader_id, doomed_id] {
        operator.remove(&id).await;
    }
    match outcome {
        Ok(foreign) => assert_eq!(foreign, ForeignProject::LetThrough),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
