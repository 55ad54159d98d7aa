//! A Keystone beside the IAM of `iam_world`: two projects of one survey, and three services.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use skykey_embedded::keystone::{Keystone, KeystoneSeed, ProjectSeed, Role, ServiceUserSeed};
use skykey_types::{GroupPath, Secret};
use tower::ServiceExt;
use url::Url;

use crate::iam_world::{Answer, READERS, World, password, text};

/// In the project of the data; nobody is in it at first.
pub(crate) const CURATORS: &str = "ska";
pub(crate) const SERVICE_PASSWORD: &str = "a service's password";
pub(crate) const PUBLIC_URL: &str = "http://127.0.0.1:5000/v3";

/// eve and grace are members of `lsst-ro`, ada of nothing; nobody is a member of `lsst`. The
/// service `skykey-s3` is `service` and `admin`, `rgw` is `service` only, `skykey` is a member of
/// both projects.
pub(crate) struct KeystoneWorld {
    pub(crate) world: World,
    pub(crate) router: Router,
}

impl KeystoneWorld {
    pub(crate) fn new() -> Self {
        Self::over(World::new())
    }

    /// The same machine after a restart.
    pub(crate) fn restarted(self) -> Self {
        Self::over(self.world.restarted())
    }

    fn over(world: World) -> Self {
        let url = Url::parse(PUBLIC_URL).unwrap();
        let keystone = Keystone::open(
            world.dir.path(),
            &url,
            Arc::clone(&world.directory),
            Arc::clone(&world.iam),
            seed(),
            Arc::new(world.clock.clone()),
        )
        .unwrap();
        Self {
            router: keystone.router(),
            world,
        }
    }

    /// A request with a token, perhaps none, and perhaps a JSON body.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Answer {
        let headers: &[(&str, &str)] = if token.is_empty() {
            &[]
        } else {
            &[("x-auth-token", token)]
        };
        self.send(method, path, headers, body).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        let request = request.body(body).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, token, None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call(Method::POST, path, token, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.call(Method::DELETE, path, token, None).await
    }

    /// `POST /v3/auth/tokens` with a password, for a project or none.
    pub(crate) async fn log_in(
        &self,
        username: &str,
        password: &str,
        project: Option<&str>,
    ) -> Answer {
        let user = json!({"name": username, "domain": {"id": "default"}, "password": password});
        let mut auth = json!({"identity": {"methods": ["password"], "password": {"user": user}}});
        if let Some(project) = project {
            auth["scope"] = scope(project);
        }
        self.post("/v3/auth/tokens", "", json!({"auth": auth}))
            .await
    }

    /// A person's or a service's token for a project.
    pub(crate) async fn token(&self, username: &str, project: &str) -> String {
        let is_person = self.world.directory.by_username(username).is_some();
        let password = if is_person {
            password(username)
        } else {
            SERVICE_PASSWORD.to_owned()
        };
        let answer = self.log_in(username, &password, Some(project)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.header("x-subject-token").to_owned()
    }

    /// The endpoint's token, which is an administrator's.
    pub(crate) async fn admin(&self) -> String {
        self.token("skykey-s3", "service").await
    }

    /// The person's unscoped token by way of IAM.
    pub(crate) async fn federated(&self, username: &str) -> Answer {
        let token = self.world.access_token(username, "openid profile").await;
        let bearer = format!("Bearer {token}");
        self.send(Method::POST, FEDERATED, &[("authorization", &bearer)], None)
            .await
    }

    /// Who a token belongs to.
    pub(crate) async fn user_id(&self, token: &str) -> String {
        let headers = [("x-auth-token", token), ("x-subject-token", token)];
        let answer = self
            .send(Method::GET, "/v3/auth/tokens", &headers, None)
            .await;
        text(&answer.json()["token"]["user"]["id"])
    }

    pub(crate) async fn project_id(&self, name: &str) -> String {
        let path = format!("/v3/projects?name={name}");
        let answer = self.get(&path, &self.admin().await).await;
        text(&answer.json()["projects"][0]["id"])
    }

    /// A new EC2 credential of the token's owner for the project.
    pub(crate) async fn ec2(&self, token: &str, project: &str) -> (String, String) {
        let path = ec2_path(&self.user_id(token).await);
        let body = json!({"tenant_id": self.project_id(project).await});
        let answer = self.post(&path, token, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let credential = &answer.json()["credential"];
        (text(&credential["access"]), text(&credential["secret"]))
    }

    /// A new application credential of the token's owner, and a token got with it.
    pub(crate) async fn app_credential(&self, token: &str, body: Value) -> (String, String) {
        let path = format!(
            "/v3/users/{}/application_credentials",
            self.user_id(token).await
        );
        let answer = self
            .post(&path, token, json!({"application_credential": body}))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let credential = answer.json()["application_credential"].clone();
        let answer = self
            .with_app_credential(&text(&credential["id"]), &text(&credential["secret"]))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        (
            text(&credential["id"]),
            answer.header("x-subject-token").to_owned(),
        )
    }

    pub(crate) async fn with_app_credential(&self, id: &str, secret: &str) -> Answer {
        let method = json!({"id": id, "secret": secret});
        let identity =
            json!({"methods": ["application_credential"], "application_credential": method});
        self.post(
            "/v3/auth/tokens",
            "",
            json!({"auth": {"identity": identity}}),
        )
        .await
    }

    pub(crate) async fn join(&self, username: &str, group: &str) {
        let group: GroupPath = group.parse().unwrap();
        self.world
            .directory
            .add_to_group(&self.world.sub(username), &group)
            .await
            .unwrap();
    }

    pub(crate) async fn leave(&self, username: &str, group: &str) {
        let group: GroupPath = group.parse().unwrap();
        self.world
            .directory
            .remove_from_group(&self.world.sub(username), &group)
            .await
            .unwrap();
    }

    pub(crate) async fn deactivate(&self, username: &str) {
        let sub = self.world.sub(username);
        self.world.directory.set_active(&sub, false).await.unwrap();
    }
}

pub(crate) const FEDERATED: &str =
    "/v3/OS-FEDERATION/identity_providers/iris-iam/protocols/openid/auth";

pub(crate) fn scope(project: &str) -> Value {
    json!({"project": {"name": project, "domain": {"name": "Default"}}})
}

pub(crate) fn ec2_path(user_id: &str) -> String {
    format!("/v3/users/{user_id}/credentials/OS-EC2")
}

/// A refusal in Keystone's shape, with this status.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], status);
    assert!(error["message"].is_string() && error["title"].is_string());
}

fn seed() -> KeystoneSeed {
    let project = |name: &str, groups: &[&str]| ProjectSeed {
        name: name.parse().unwrap(),
        member_groups: groups.iter().map(|path| path.parse().unwrap()).collect(),
    };
    let service = |username: &str, roles: &[(&str, Role)]| ServiceUserSeed {
        username: username.to_owned(),
        password: Secret::new(SERVICE_PASSWORD),
        roles: roles
            .iter()
            .map(|(project, role)| (project.parse().unwrap(), *role))
            .collect(),
    };
    KeystoneSeed {
        projects: vec![
            project("lsst", &[CURATORS]),
            project("lsst-ro", &[READERS]),
            project("service", &[]),
        ],
        services: vec![
            service(
                "skykey-s3",
                &[("service", Role::Service), ("service", Role::Admin)],
            ),
            service("rgw", &[("service", Role::Service)]),
            service(
                "skykey",
                &[("lsst", Role::Member), ("lsst-ro", Role::Member)],
            ),
            service("onlooker", &[("lsst", Role::Reader)]),
        ],
    }
}
