//! The broker's Keystone, with the embedded one behind it.

use std::sync::Arc;

use skykey_broker::{Ec2Keys, PortError};
use skykey_embedded::keystone::{IDENTITY_PROVIDER, PROTOCOL};
use skykey_keystone::{DEFAULT_DOMAIN, Login, ProjectRef, SYSTEM, Settings};
use skykey_site::{KeystonePort, KeystoneSettings};
use skykey_types::{AccessKeyId, ProjectName, Secret};
use skykey_upstream::UpstreamMetrics;

use crate::keystone_client::Served;
use crate::keystone_world::SERVICE_PASSWORD;

struct Rig {
    served: Served,
    port: KeystonePort,
    metrics: UpstreamMetrics,
}

impl Rig {
    /// With `backend` as the backend user, and with an administrator or without.
    async fn new(backend: &str, password: &str, with_admin: bool) -> Self {
        let served = Served::new().await;
        let url = served.url.clone();
        Self::at(url, served, backend, password, with_admin)
    }

    /// With the port's Keystone at `url`.
    fn at(url: url::Url, served: Served, backend: &str, password: &str, with_admin: bool) -> Self {
        let metrics = UpstreamMetrics::default();
        let settings = KeystoneSettings {
            client: Settings {
                url,
                login: login(backend, password, None),
                authorities: None,
                timeouts: None,
            },
            identity_provider: IDENTITY_PROVIDER.to_owned(),
            protocol: PROTOCOL.to_owned(),
            project_domain: DEFAULT_DOMAIN.to_owned(),
            admin: with_admin.then(|| login("skykey-s3", SERVICE_PASSWORD, Some("service"))),
            accept_application_credentials: false,
        };
        let clock = Arc::new(served.keystone.world.clock.clone());
        let port = KeystonePort::new(settings, &metrics, clock).unwrap();
        Self {
            served,
            port,
            metrics,
        }
    }

    fn logins(&self) -> u64 {
        self.metrics
            .attempts(SYSTEM, "log in at Keystone with a password")
    }
}

fn login(name: &str, password: &str, project: Option<&str>) -> Login {
    Login {
        username: name.to_owned(),
        password: Secret::new(password),
        user_domain: DEFAULT_DOMAIN.to_owned(),
        project: project.map(|name| ProjectRef {
            name: name.to_owned(),
            domain: DEFAULT_DOMAIN.to_owned(),
        }),
    }
}

fn project(name: &str) -> ProjectName {
    name.parse().unwrap()
}

#[track_caller]
fn refusal<T>(outcome: Result<T, PortError>) -> String {
    match outcome {
        Err(PortError::Refused(why)) => why,
        Err(other) => panic!("no refusal: {other}"),
        Ok(_) => panic!("it was done"),
    }
}

#[tokio::test]
async fn the_backend_user_shows_its_password_once_for_each_project() {
    let rig = Rig::new("skykey", SERVICE_PASSWORD, false).await;
    let (data, readers) = (project("lsst"), project("lsst-ro"));
    let mut made = Vec::new();
    for _ in 0..3 {
        for project in [&data, &readers] {
            made.push(rig.port.create_for_backend(project).await.unwrap());
            assert!(rig.port.project_id(project).await.unwrap().is_some());
        }
    }
    assert_eq!(rig.logins(), 2);
    let of_readers = rig.port.backend_credentials(&readers).await.unwrap();
    assert_eq!(of_readers.len(), 3);
    for credential in &made {
        let is_readers = of_readers.contains(&credential.access);
        let project = if is_readers { &readers } else { &data };
        for _ in 0..2 {
            let deleted = rig.port.delete_backend(project, &credential.access).await;
            deleted.unwrap();
        }
    }
    for project in [&data, &readers] {
        assert_eq!(rig.port.backend_credentials(project).await.unwrap(), []);
    }
    assert_eq!(rig.logins(), 2);
    assert!(rig.port.is_backend(&made[0].user_id).await.unwrap());
    assert!(!rig.port.is_backend("somebody").await.unwrap());
    assert_eq!(rig.logins(), 3, "and once for no project");
}

#[tokio::test]
async fn project_ids_and_roles_need_no_administrator() {
    let rig = Rig::new("skykey", SERVICE_PASSWORD, false).await;
    let id = rig.port.project_id(&project("lsst")).await.unwrap();
    assert_eq!(id, Some(rig.served.keystone.project_id("lsst").await));
    let roles = rig.port.backend_roles(&project("lsst")).await.unwrap();
    assert_eq!(roles.unwrap(), ["member", "reader"]);
    for unknown in [project("service"), project("nothing-here")] {
        assert_eq!(rig.port.project_id(&unknown).await.unwrap(), None);
        assert_eq!(rig.port.backend_roles(&unknown).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_backend_user_without_a_role_is_told_which() {
    let rig = Rig::new("onlooker", SERVICE_PASSWORD, false).await;
    let why = refusal(rig.port.create_for_backend(&project("lsst")).await);
    assert!(
        why.contains("onlooker has only the roles reader in the project lsst")
            && why.contains("give it the role member"),
        "{why}"
    );
    let why = refusal(rig.port.create_for_backend(&project("lsst-ro")).await);
    assert!(
        why.contains("onlooker has no role in the project lsst-ro of the domain Default"),
        "{why}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_not_taken_for_a_missing_role() {
    let rig = Rig::new("skykey", "hunter2 hunter2 hunter2", false).await;
    for why in [
        refusal(rig.port.project_id(&project("lsst")).await),
        refusal(rig.port.create_for_backend(&project("lsst")).await),
        refusal(rig.port.is_backend("somebody").await),
    ] {
        assert!(
            why.contains("cannot log in at Keystone with a password"),
            "{why}"
        );
        assert!(!why.contains("hunter2"), "{why}");
    }
}

#[tokio::test]
async fn without_an_administrator_peoples_credentials_are_out_of_reach() {
    let rig = Rig::new("skykey", SERVICE_PASSWORD, false).await;
    let access = AccessKeyId::new("a");
    for why in [
        refusal(rig.port.identify(&access).await),
        refusal(rig.port.delete("somebody", &access).await),
        refusal(rig.port.delete_all("somebody", &project("lsst")).await),
    ] {
        assert!(
            why.starts_with("[keystone.admin_user] is not configured, so skykey cannot"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_person_is_given_a_credential_which_is_identified_and_taken_away() {
    let rig = Rig::new("skykey", SERVICE_PASSWORD, true).await;
    let readers = project("lsst-ro");
    let token = rig.served.iam_token("eve").await;
    let made = rig.port.create_for_person(&token, &readers).await.unwrap();
    let found = rig.port.identify(&made.access).await.unwrap().unwrap();
    assert_eq!(found.sub, Some(rig.served.keystone.world.sub("eve")));
    assert_eq!(found.project, "lsst-ro");
    rig.port.create_for_person(&token, &readers).await.unwrap();
    let deleted = rig.port.delete_all(&made.user_id, &readers).await;
    assert_eq!(deleted.unwrap(), 2);
    assert!(rig.port.identify(&made.access).await.unwrap().is_none());
    rig.port.delete(&made.user_id, &made.access).await.unwrap();
    let deleted = rig.port.delete_all("nobody", &readers).await;
    assert_eq!(deleted.unwrap(), 0, "a user who was deleted");
    let why = refusal(rig.port.create_for_person(&token, &project("lsst")).await);
    assert!(
        why.contains("does not let eve into the project lsst"),
        "{why}"
    );
}

#[tokio::test]
async fn a_wrong_password_of_the_backend_user_is_named_by_its_key() {
    let rig = Rig::new("skykey", "not it", false).await;
    let told = refusal(rig.port.create_for_backend(&project("lsst")).await);
    assert!(
        told.contains("401") && told.contains("[keystone.backend_user] password is wrong"),
        "{told}"
    );
}

#[tokio::test]
async fn a_keystone_that_is_away_is_named_by_its_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url: url::Url = format!("http://{}/v3", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let served = Served::new().await;
    let rig = Rig::at(url.clone(), served, "skykey", SERVICE_PASSWORD, false);
    match rig.port.create_for_backend(&project("lsst")).await {
        Err(PortError::Away(told)) => assert!(told.contains(url.as_str()), "{told}"),
        other => panic!("{:?}", other.map(|made| made.access)),
    }
}

#[tokio::test]
async fn whether_the_administrator_is_let_in_is_seen_and_its_token_kept() {
    let rig = Rig::new("skykey", SERVICE_PASSWORD, true).await;
    for _ in 0..3 {
        rig.port.administrator().await.unwrap();
    }
    assert_eq!(rig.logins(), 1);
    let rig = Rig::new("skykey", SERVICE_PASSWORD, false).await;
    rig.port.administrator().await.unwrap();
    assert_eq!(rig.logins(), 0);
}
