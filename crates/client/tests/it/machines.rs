//! A machine with an application credential: the fake portal is its Keystone too.

use std::ffi::OsString;

use serde_json::{Value, json};
use skykey_client::{Client, ClientError, CredentialsRequest, Identity, OpenStack};

use crate::portal::{Fake, at, granted, lease, no};

const LEASE: &str = "POST /api/v1/leases";
const LIST: &str = "GET /api/v1/leases";
const SITE: &str = "GET /api/v1/site";
const LOGIN: &str = "POST /v3/auth/tokens";
const SECRET: &str = "the-application-credentials-secret";

fn wish() -> CredentialsRequest {
    CredentialsRequest {
        survey: "m13".parse().unwrap(),
        lifetime: None,
    }
}

/// Keystone's answer to a login, with a token that ends after so many seconds.
fn token(name: &str, left: i64) -> Value {
    json!({ "subject_token": name, "token": {
        "user": { "id": "u", "name": "bob" }, "project": { "id": "p", "name": "m13-ro" },
        "methods": ["application_credential"], "expires_at": at(left),
    } })
}

/// Keystone's refusal.
fn keystones_no() -> Value {
    json!({ "error": { "code": 401, "message": "Could not find it.", "title": "Unauthorized" } })
}

fn site(fake: &Fake, takes_machines: bool) {
    let mut site = json!({
        "portal": fake.url, "issuer": fake.url, "s3": "x", "region": "r", "version": "z",
    });
    if takes_machines {
        site["application_credentials"] = true.into();
    }
    fake.set(SITE, 200, site);
}

fn by_credential(fake: &Fake, id: &str) -> Client {
    let url = fake.url.clone();
    let machine = OpenStack::of_environment(|name| {
        let value = match name {
            "OS_AUTH_URL" => url.as_str(),
            "OS_APPLICATION_CREDENTIAL_ID" => id,
            "OS_APPLICATION_CREDENTIAL_SECRET" => SECRET,
            _ => return None,
        };
        Some(OsString::from(value))
    });
    fake.client()
        .in_the_name_of(Identity::OpenStack(machine.unwrap()))
}

/// A site that takes machines, with tokens that last an hour.
async fn start() -> Fake {
    let fake = Fake::start().await;
    site(&fake, true);
    fake.script(
        LOGIN,
        vec![(201, token("k1", 3600)), (201, token("k2", 7200))],
    );
    fake.set(LEASE, 201, granted("1", 7200));
    fake.set(LIST, 200, json!({ "leases": [lease("1", 7200, "live")] }));
    fake
}

async fn key(client: &Client) -> String {
    let granted = client.credentials(&wish()).await.unwrap();
    granted.credentials.access_key_id.to_string()
}

#[tokio::test]
async fn it_needs_no_login_and_asks_with_keystones_token_until_a_minute_before_its_end() {
    let fake = start().await;
    let client = by_credential(&fake, "vm");
    assert_eq!(key(&client).await, "AK-1");
    let asked: Value = serde_json::from_str(&fake.seen(LOGIN)[0].body).unwrap();
    assert_eq!(
        asked["auth"]["identity"]["application_credential"],
        json!({ "id": "vm", "secret": SECRET })
    );
    assert_eq!(fake.seen(LEASE)[0].authorization, "X-Auth-Token: k1");
    assert_eq!(fake.seen(SITE)[0].authorization, "");
    fake.later(3539);
    assert_eq!(key(&client).await, "AK-1");
    fake.later(30);
    assert_eq!(key(&client).await, "AK-1");
    let shown: Vec<_> = fake
        .seen(LIST)
        .into_iter()
        .map(|s| s.authorization)
        .collect();
    assert_eq!(shown, ["X-Auth-Token: k1", "X-Auth-Token: k2"]);
    assert_eq!((fake.seen(LOGIN).len(), fake.seen(SITE).len()), (2, 1));
}

#[tokio::test]
async fn neither_the_token_nor_the_secret_is_on_the_disk() {
    let fake = start().await;
    key(&by_credential(&fake, "vm")).await;
    let mut folders = vec![fake.home.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let content = std::fs::read_to_string(&path).unwrap();
            assert!(!content.contains("k1") && !content.contains(SECRET));
            files += 1;
        }
    }
    assert!(files > 0, "the lease is kept");
}

#[tokio::test]
async fn many_who_ask_at_once_log_in_once() {
    let fake = start().await;
    fake.set("GET /api/v1/surveys", 200, json!({ "surveys": [] }));
    let client = by_credential(&fake, "vm");
    let (a, b, c) = tokio::join!(client.surveys(), client.surveys(), client.leases());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(fake.seen(LOGIN).len(), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_end_is_replaced_once() {
    let fake = start().await;
    fake.script(
        LEASE,
        vec![(401, no("unauthorized")), (201, granted("1", 7200))],
    );
    assert_eq!(key(&by_credential(&fake, "vm")).await, "AK-1");
    assert_eq!(fake.seen(LEASE)[1].authorization, "X-Auth-Token: k2");

    let fake = start().await;
    fake.set(LEASE, 401, no("unauthorized"));
    let error = by_credential(&fake, "vm")
        .credentials(&wish())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ClientError::MachineRefused { id, .. } if id == "vm"),
        "{error}"
    );
    assert!(error.is_refusal() && error.hint().contains("OS_AUTH_URL"));
    assert_eq!((fake.seen(LEASE).len(), fake.seen(LOGIN).len()), (2, 2));
}

#[tokio::test]
async fn an_application_credential_that_is_gone_is_refused() {
    for status in [401, 404] {
        let fake = start().await;
        let client = by_credential(&fake, "vm");
        assert_eq!(key(&client).await, "AK-1");
        fake.later(30);
        // As it is when it has been deleted: its tokens end with it.
        fake.set(LIST, 401, no("unauthorized"));
        fake.set(LOGIN, status, keystones_no());
        let error = client.credentials(&wish()).await.unwrap_err();
        assert!(
            matches!(error, ClientError::ApplicationCredentialRefused { .. }),
            "{error}"
        );
        let said = error.to_string();
        assert!(error.is_refusal() && error.hint().contains("deleted"));
        assert!(
            said.contains("vm (Could not find it.)") && !said.contains(SECRET),
            "{said}"
        );
    }
}

#[tokio::test]
async fn while_keystone_is_away_live_credentials_go_on() {
    let fake = start().await;
    key(&by_credential(&fake, "vm")).await;
    fake.later(30);
    fake.set(LOGIN, 503, json!({}));
    // Another process, which has no token yet.
    assert_eq!(key(&by_credential(&fake, "vm")).await, "AK-1");
    let error = by_credential(&fake, "other")
        .credentials(&wish())
        .await
        .unwrap_err();
    assert!(
        error.is_outage() && !error.is_refusal(),
        "and another application credential has none of them: {error}"
    );
}

#[tokio::test]
async fn a_site_that_takes_no_machines_is_told_from_one_that_does_before_anything_is_shown_to_it() {
    let fake = start().await;
    site(&fake, false);
    let client = by_credential(&fake, "vm");
    let error = client.credentials(&wish()).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        (
            "no_machines",
            format!(
                "{} does not accept application credentials of OpenStack",
                fake.url
            )
        )
    );
    assert!(error.is_refusal() && error.hint().contains("accept_application_credentials"));
    assert_eq!((fake.seen(LOGIN).len(), fake.seen(LEASE).len()), (0, 0));
    site(&fake, true);
    assert_eq!(key(&client).await, "AK-1", "once it takes them");
}

#[tokio::test]
async fn a_machine_whose_owner_was_removed_is_told_the_portals_sentence() {
    let fake = start().await;
    let client = by_credential(&fake, "vm");
    key(&client).await;
    fake.later(30);
    fake.set(LIST, 200, json!({ "leases": [] }));
    fake.set(LEASE, 403, no("not_a_member"));
    let error = client.credentials(&wish()).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("not_a_member", "no: not_a_member")
    );
    assert!(error.is_refusal());
}
