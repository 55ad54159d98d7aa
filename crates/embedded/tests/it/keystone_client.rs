//! The client `skykey-keystone`, over a real connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use skykey_keystone::conformance::{self, ForeignProject, Stand};
use skykey_keystone::{
    Caller, DEFAULT_DOMAIN, Error, FederatedLogin, Keystone, Login, ProjectRef, Settings,
};
use skykey_types::{AccessKeyId, Secret, SignedDuration};
use skykey_upstream::UpstreamMetrics;
use tokio::net::TcpListener;

use crate::iam_world::{READERS, password};
use crate::keystone_world::{KeystoneWorld, SERVICE_PASSWORD};

/// A Keystone that is listening.
pub(crate) struct Served {
    pub(crate) keystone: KeystoneWorld,
    pub(crate) url: url::Url,
}

impl Served {
    pub(crate) async fn new() -> Self {
        let keystone = KeystoneWorld::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v3", listener.local_addr().unwrap());
        let router = keystone.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            keystone,
            url: url.parse().unwrap(),
        }
    }

    fn client(&self, login: Login) -> Keystone {
        let settings = Settings {
            url: self.url.clone(),
            login,
            authorities: None,
            timeouts: None,
        };
        let clock = Arc::new(self.keystone.world.clock.clone());
        Keystone::new(settings, &UpstreamMetrics::default(), clock).unwrap()
    }

    /// The client of the endpoint, which is an administrator.
    fn endpoint(&self) -> Keystone {
        self.client(login("skykey-s3", SERVICE_PASSWORD, "service"))
    }

    pub(crate) async fn iam_token(&self, username: &str) -> Secret {
        Secret::new(
            self.keystone
                .world
                .access_token(username, "openid profile")
                .await,
        )
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_keystone_conforms() {
    let served = Served::new().await;
    let directory = Arc::clone(&served.keystone.world.directory);
    let sub = served.keystone.world.sub("eve");
    let disable = move || -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (directory, sub) = (Arc::clone(&directory), sub.clone());
        Box::pin(async move { directory.set_active(&sub, false).await.unwrap() })
    };
    let stand = Stand {
        url: served.url.clone(),
        clock: Arc::new(served.keystone.world.clock.clone()),
        member: login("skykey", SERVICE_PASSWORD, "lsst"),
        second: in_default("lsst-ro"),
        foreign: in_default("service"),
        admin: login("skykey-s3", SERVICE_PASSWORD, "service"),
        reader: Some(login("onlooker", SERVICE_PASSWORD, "lsst")),
        doomed: login("eve", &password("eve"), "lsst-ro"),
        disable: Box::new(disable),
    };
    assert_eq!(conformance::all(&stand).await, ForeignProject::Refused);
}

#[tokio::test]
async fn a_person_goes_from_an_iam_token_to_an_ec2_credential_and_back() {
    let served = Served::new().await;
    let client = served.endpoint();
    let unscoped = client
        .federated_token("iris-iam", "openid", &served.iam_token("eve").await)
        .await
        .unwrap();
    assert_eq!(unscoped.user.name, "eve");
    let projects = client
        .projects(Caller::Token(&unscoped.token))
        .await
        .unwrap();
    let names: Vec<&str> = projects
        .iter()
        .map(|project| project.name.as_str())
        .collect();
    assert_eq!(names, ["lsst-ro"]);
    let scoped = client
        .scope(&unscoped.token, &projects[0].id)
        .await
        .unwrap();
    assert_eq!(
        (scoped.user.clone(), scoped.project.clone()),
        (unscoped.user, Some(projects[0].clone()))
    );
    assert!(scoped.roles.contains(&"member".to_owned()));
    assert_eq!(scoped.expires, unscoped.expires);

    let own = Caller::Token(&scoped.token);
    let made = client
        .create_ec2(own, &scoped.user.id, &projects[0].id)
        .await
        .unwrap();
    assert_eq!(
        (&made.user_id, &made.project_id),
        (&scoped.user.id, &projects[0].id)
    );
    assert_eq!(
        client.list_ec2(own, &scoped.user.id).await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert!(
        client
            .delete_ec2(own, &scoped.user.id, &made.access)
            .await
            .unwrap()
    );
    assert!(
        !client
            .delete_ec2(own, &scoped.user.id, &made.access)
            .await
            .unwrap()
    );
    assert_eq!(client.list_ec2(own, &scoped.user.id).await.unwrap(), []);
}

#[tokio::test]
async fn the_backend_user_makes_credentials_with_its_own_token() {
    let served = Served::new().await;
    let client = served.client(login("skykey", SERVICE_PASSWORD, "lsst"));
    let me = client
        .password_token(&login("skykey", SERVICE_PASSWORD, "lsst-ro"))
        .await
        .unwrap();
    let made = client
        .create_ec2(Caller::Own, &me.user.id, &me.project.unwrap().id)
        .await
        .unwrap();
    assert_eq!(
        client.list_ec2(Caller::Own, &me.user.id).await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert!(
        client
            .delete_ec2(Caller::Own, &me.user.id, &made.access)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn an_ec2_credential_is_identified() {
    let served = Served::new().await;
    let client = served.endpoint();
    let token = served.keystone.token("eve", "lsst-ro").await;
    let (access, secret) = served.keystone.ec2(&token, "lsst-ro").await;
    let access = AccessKeyId::new(access);
    let who = client.identify_ec2(&access).await.unwrap().unwrap();
    assert_eq!(who.secret, Secret::new(secret.clone()));
    assert_eq!(
        (who.user_name.as_str(), who.project_name.as_str()),
        ("eve", "lsst-ro")
    );
    assert_eq!(who.user_id, served.keystone.user_id(&token).await);
    assert_eq!(who.roles, ["member", "reader"]);
    assert_eq!(
        who.federated,
        [FederatedLogin {
            provider: "iris-iam".to_owned(),
            protocol: "openid".to_owned(),
            unique_id: served.keystone.world.sub("eve"),
        }]
    );
    assert!(!format!("{who:?} {client:?}").contains(&secret));
    assert_eq!(
        client
            .identify_ec2(&AccessKeyId::new("nobody's"))
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_service_has_no_federated_login() {
    let served = Served::new().await;
    let token = served.keystone.token("skykey", "lsst").await;
    let (access, _) = served.keystone.ec2(&token, "lsst").await;
    let who = served
        .endpoint()
        .identify_ec2(&AccessKeyId::new(access))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (who.user_name.as_str(), who.federated),
        ("skykey", Vec::new())
    );
}

#[tokio::test]
async fn a_credential_that_keystone_does_not_stand_by_is_nobodys() {
    let served = Served::new().await;
    let client = served.endpoint();
    let mut credentials = Vec::new();
    for username in ["eve", "grace"] {
        let token = served.keystone.token(username, "lsst-ro").await;
        credentials.push(AccessKeyId::new(
            served.keystone.ec2(&token, "lsst-ro").await.0,
        ));
    }
    assert!(
        client
            .identify_ec2(&credentials[0])
            .await
            .unwrap()
            .is_some()
    );
    served.keystone.deactivate("eve").await;
    assert_eq!(client.identify_ec2(&credentials[0]).await.unwrap(), None);
    served.keystone.leave("grace", READERS).await;
    assert!(
        client
            .identify_ec2(&credentials[1])
            .await
            .unwrap()
            .is_some()
    );
    served.keystone.federated("grace").await;
    assert_eq!(client.identify_ec2(&credentials[1]).await.unwrap(), None);
}

#[tokio::test]
async fn identifying_takes_an_administrator() {
    let served = Served::new().await;
    let token = served.keystone.token("eve", "lsst-ro").await;
    let access = AccessKeyId::new(served.keystone.ec2(&token, "lsst-ro").await.0);
    for user in ["rgw", "skykey"] {
        let project = if user == "rgw" { "service" } else { "lsst" };
        let client = served.client(login(user, SERVICE_PASSWORD, project));
        let error = client.identify_ec2(&access).await.unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 403, .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn users_and_projects_are_looked_up() {
    let served = Served::new().await;
    let client = served.endpoint();
    let id = served
        .keystone
        .user_id(&served.keystone.token("eve", "lsst-ro").await)
        .await;
    let user = client.user(&id).await.unwrap().unwrap();
    assert_eq!((user.name.as_str(), user.enabled), ("eve", true));
    assert_eq!(client.user("0").await.unwrap(), None);
    let project = client
        .project_by_name(&in_default("lsst"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(project.id, served.keystone.project_id("lsst").await);
    assert_eq!(
        client.project_by_name(&in_default("other")).await.unwrap(),
        None
    );
    // What is not a plain segment stays one.
    for bad in ["../projects", "..", ".", ""] {
        assert_eq!(client.user(bad).await.unwrap(), None, "{bad:?}");
    }
}

#[tokio::test]
async fn an_ended_or_forgotten_own_token_is_replaced() {
    let served = Served::new().await;
    let client = served.endpoint();
    assert!(
        client
            .project_by_name(&in_default("lsst"))
            .await
            .unwrap()
            .is_some()
    );
    served
        .keystone
        .world
        .clock
        .advance(SignedDuration::from_hours(2));
    assert!(
        client
            .project_by_name(&in_default("lsst"))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn refusals_carry_keystones_words_and_no_secret() {
    let served = Served::new().await;
    let client = served.endpoint();
    let error = client
        .password_token(&login("eve", "hunter2", "lsst-ro"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Refused { status: 401, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("requires authentication")
            && !format!("{error:?}").contains("hunter2")
    );
    let error = client
        .password_token(&login("eve", &password("eve"), "lsst"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Refused { status: 401, .. }),
        "{error}"
    );
    let bad = Secret::new("hunter2");
    let error = client
        .federated_token("google", "openid", &bad)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let error = client.projects(Caller::Token(&bad)).await.unwrap_err();
    assert_eq!((error.status(), error.is_outage()), (Some(401), false));
    let wrong = served.client(login("skykey-s3", "wrong", "service"));
    let error = wrong
        .project_by_name(&in_default("lsst"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Refused { status: 401, .. }),
        "{error}"
    );
}
