//! The client `skykey-iam` and its conformance suite, over a real connection.

use std::sync::Arc;

use skykey_iam::{Iam, IamError, IamSettings, MembershipSource, conformance};
use skykey_types::Secret;
use skykey_upstream::UpstreamMetrics;
use tokio::net::TcpListener;
use url::Url;

use crate::iam_world::{READERS, SKYKEY_SECRET, WEB_CALLBACK, WEB_SECRET, World};

/// The embedded IAM, served.
pub(crate) struct Served {
    pub(crate) world: World,
    issuer: String,
}

impl Served {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/", listener.local_addr().unwrap());
        let world = World::at(&issuer);
        let router = world.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { world, issuer }
    }

    fn client(&self, name: &str, secret: &str, membership: MembershipSource) -> Iam {
        let mut settings =
            IamSettings::new(self.issuer.parse().unwrap(), name, Secret::new(secret));
        settings.membership = membership;
        let redirect = WEB_CALLBACK.parse().unwrap();
        let clock = Arc::new(self.world.clock.clone());
        Iam::new(settings, redirect, &UpstreamMetrics::default(), clock).unwrap()
    }

    pub(crate) fn skykey(&self, membership: MembershipSource) -> Iam {
        self.client("skykey", SKYKEY_SECRET, membership)
    }

    /// Somebody whose browser opens an address of a login, and where it is sent to.
    pub(crate) async fn drive(&self, username: &str, url: Url) -> Url {
        let mut browser = self.world.logged_in(username).await;
        let path = format!("/authorize?{}", url.query().unwrap());
        browser.get(&path).await.location().parse().unwrap()
    }

    async fn decide(&self, username: &str, user_code: &str, decision: &str) {
        let mut browser = self.world.logged_in(username).await;
        let page = format!("/device?user_code={user_code}");
        let fields = [("user_code", user_code), ("decision", decision)];
        browser.post(&page, "/device", &fields).await;
    }
}

#[tokio::test]
async fn logins_conform() {
    let served = Served::new().await;
    let iam = served.skykey(MembershipSource::Auto);
    let log_in = async |url| served.drive("eve", url).await;
    assert!(conformance::discovery(&iam).await.scim);
    conformance::refuses_wrong_code(&iam).await;
    conformance::refuses_a_code_of_another_login(&iam, log_in).await;
    conformance::refuses_a_code_twice(&iam, log_in).await;
    let login = conformance::login_with(&iam, log_in).await;
    assert_eq!(login.id.sub, served.world.sub("eve"));
    assert_eq!(
        (login.username.as_str(), login.name.as_str()),
        ("eve", "Eve Ryder")
    );
    let device = conformance::device(&iam, async |start| {
        served.decide("eve", &start.user_code, "approve").await;
    })
    .await;
    assert_eq!(device.id, login.id);
    conformance::device_denied(&iam, async |start| {
        served.decide("eve", &start.user_code, "deny").await;
    })
    .await;
}

#[tokio::test]
async fn tokens_and_userinfo_conform() {
    let served = Served::new().await;
    let iam = served.skykey(MembershipSource::Userinfo);
    let login = conformance::login_with(&iam, async |url| served.drive("eve", url).await).await;
    let other = conformance::login_with(&iam, async |url| served.drive("eve", url).await).await;
    conformance::revocation(&iam, &other).await;
    conformance::refuses_foreign_token(&iam).await;
    conformance::introspection(&iam, &login).await;
    conformance::userinfo(&iam, &login.id, &login.access_token, &["lsst", READERS]).await;
    let refreshed = conformance::refresh(&iam, &login).await;
    let directory = &served.world.directory;
    directory
        .remove_from_group(&login.id.sub, &READERS.parse().unwrap())
        .await
        .unwrap();
    conformance::userinfo(&iam, &login.id, &refreshed.access_token, &["lsst"]).await;
    let live = refreshed.refresh_token.or(login.refresh_token).unwrap();
    conformance::no_longer_vouches(&iam, &live, async || {
        directory.set_active(&login.id.sub, false).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn scim_and_group_requests_conform() {
    let served = Served::new().await;
    let iam = served.skykey(MembershipSource::Auto);
    let login = conformance::login_with(&iam, async |url| served.drive("ada", url).await).await;
    conformance::scim(&iam, &login.id, &[]).await;
    let decider = served
        .world
        .admin_token("iam:admin.read iam:admin.write")
        .await;
    let group = READERS.parse().unwrap();
    conformance::group_requests(&iam, &login, &group, &Secret::new(decider)).await;
    conformance::scim(&iam, &login.id, &["lsst", READERS]).await;
}

#[tokio::test]
async fn a_client_without_scim_read_is_told_what_to_ask_for() {
    let served = Served::new().await;
    let iam = served.client("web", WEB_SECRET, MembershipSource::Scim);
    let error = iam.person(&served.world.sub("eve")).await.unwrap_err();
    assert!(matches!(error, IamError::NotGranted { .. }), "{error:?}");
    let words = error.to_string();
    assert!(
        words.contains("scim:read") && words.contains("'web'"),
        "{words}"
    );
}
