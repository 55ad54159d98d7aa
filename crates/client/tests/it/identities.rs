//! Others than the kept login: a notebook server, and a token file that something else renews.

use std::path::PathBuf;

use serde_json::json;
use skykey_client::{Client, ClientError, CredentialsRequest, Identity};

use crate::portal::{Fake, NOW, SECRET_KEY, granted, lease, no};

const LEASE: &str = "POST /api/v1/leases";
const LIST: &str = "GET /api/v1/leases";
const HUB: &str = "GET /jupyter/credentials";

fn wish() -> CredentialsRequest {
    CredentialsRequest {
        survey: "m13".parse().unwrap(),
        lifetime: None,
    }
}

fn token_file(fake: &Fake, content: &str) -> (PathBuf, Client) {
    let path = fake.home.path().join("token");
    std::fs::write(&path, content).unwrap();
    let client = fake
        .client()
        .in_the_name_of(Identity::TokenFile(path.clone()));
    (path, client)
}

fn hub(fake: &Fake, token: &str) -> Client {
    fake.client()
        .in_the_name_of(Identity::Hub(token.to_owned().into()))
}

/// What the portal tells a notebook server, which ends in so many seconds.
fn given(id: &str, left: i64) -> serde_json::Value {
    let end = skykey_types::Timestamp::from_second(NOW + left).unwrap();
    json!({
        "AccessKeyId": format!("AK-{id}"), "SecretAccessKey": SECRET_KEY, "Token": "ST",
        "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    })
}

async fn key(client: &Client) -> String {
    let granted = client.credentials(&wish()).await.unwrap();
    granted.credentials.access_key_id.to_string()
}

#[tokio::test]
async fn a_token_file_needs_no_login_and_is_read_anew_for_each_request() {
    let fake = Fake::start().await;
    fake.set(LEASE, 201, granted("1", 3600));
    fake.set(LIST, 200, json!({ "leases": [lease("1", 3600, "live")] }));
    let (path, client) = token_file(&fake, "first\n");
    assert_eq!(key(&client).await, "AK-1");
    assert_eq!(fake.seen(LEASE)[0].authorization, "Bearer first");
    std::fs::write(&path, r#"{"access_token":"second"}"#).unwrap();
    fake.later(30);
    assert_eq!(key(&client).await, "AK-1");
    assert_eq!(fake.seen(LIST)[0].authorization, "Bearer second");
    let error = fake.client().credentials(&wish()).await.unwrap_err();
    assert_eq!(error.code(), "not_logged_in", "the login has none of it");
}

#[tokio::test]
async fn without_a_token_in_the_file_nothing_is_handed_out() {
    let fake = Fake::start().await;
    fake.set(LEASE, 201, granted("1", 3600));
    let (path, client) = token_file(&fake, "first");
    client.credentials(&wish()).await.unwrap();
    std::fs::write(&path, "").unwrap();
    for what in ["it is empty", "there is no such file"] {
        let error = client.credentials(&wish()).await.unwrap_err();
        assert!(
            error.is_refusal() && error.to_string().contains(what),
            "{error}"
        );
        assert!(error.hint().contains("renews the file"));
        let _ = std::fs::remove_file(&path);
    }
}

#[tokio::test]
async fn a_token_that_the_portal_does_not_take_is_said_to_be_the_files() {
    let fake = Fake::start().await;
    fake.set(LEASE, 401, no("unauthorized"));
    let (path, client) = token_file(&fake, "stale");
    let error = client.credentials(&wish()).await.unwrap_err();
    assert!(matches!(error, ClientError::TokenRefused { .. }), "{error}");
    assert!(error.is_refusal() && !error.to_string().contains("stale"));
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    assert_eq!(
        fake.seen(LEASE).len(),
        1,
        "the same token is not tried twice"
    );
}

#[tokio::test]
async fn what_was_kept_for_one_token_is_not_handed_to_another() {
    let fake = Fake::start().await;
    fake.script(
        LEASE,
        vec![(201, granted("1", 3600)), (201, granted("2", 3600))],
    );
    let (path, client) = token_file(&fake, "adas");
    assert_eq!(key(&client).await, "AK-1");
    // The portal away: nobody can say that the other's lease is theirs.
    std::fs::write(&path, "bobs").unwrap();
    fake.set(LIST, 503, no("upstream_away"));
    let error = client.credentials(&wish()).await.unwrap_err();
    assert!(error.is_outage(), "{error}");
    // It knows nothing of ada's lease for bob.
    fake.set(LIST, 200, json!({ "leases": [] }));
    assert_eq!(key(&client).await, "AK-2");
    assert_eq!(fake.seen(LEASE)[1].authorization, "Bearer bobs");
}

#[tokio::test]
async fn a_notebook_server_gets_what_the_portal_gives_it_and_nothing_else() {
    let fake = Fake::start().await;
    fake.script(HUB, vec![(200, given("1", 3600)), (200, given("2", 7200))]);
    fake.set(
        "GET /api/v1/site",
        200,
        json!({ "portal": fake.url, "issuer": fake.url, "s3": "http://127.0.0.1:4/", "region": "r", "version": "z" }),
    );
    let client = hub(&fake, "hub-token");
    let granted = client.credentials(&wish()).await.unwrap();
    assert_eq!(granted.credentials.secret_access_key.expose(), SECRET_KEY);
    assert_eq!(granted.credentials.expiration, granted.lease.expires);
    assert_eq!(granted.place.endpoint, "http://127.0.0.1:4/");
    assert_eq!(fake.seen(HUB)[0].authorization, "Bearer hub-token");
    fake.later(29);
    assert_eq!(key(&client).await, "AK-1");
    fake.later(1);
    assert_eq!(
        key(&client).await,
        "AK-2",
        "the client asks the portal every 30 s"
    );
    let error = client.me().await.unwrap_err();
    assert!(matches!(error, ClientError::OnlyCredentials { .. }));
}

#[tokio::test]
async fn a_notebook_server_that_is_refused_is_told_the_portals_sentence() {
    let fake = Fake::start().await;
    fake.set(HUB, 200, given("1", 3600));
    fake.set(
        "GET /api/v1/site",
        200,
        json!({ "portal": "x", "issuer": "x", "s3": "http://127.0.0.1:4/", "region": "r", "version": "z" }),
    );
    let client = hub(&fake, "hub-token");
    assert_eq!(key(&client).await, "AK-1");
    fake.later(30);
    fake.set(HUB, 503, json!({ "code": "upstream_away", "message": "m" }));
    assert_eq!(key(&client).await, "AK-1", "while the hub is away");
    fake.set(
        HUB,
        403,
        json!({ "code": "not_a_member", "message": "removed at noon; ask again" }),
    );
    let error = client.credentials(&wish()).await.unwrap_err();
    assert!(error.is_refusal());
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("not_a_member", "removed at noon; ask again")
    );
    let error = hub(&fake, "of-another-server")
        .credentials(&wish())
        .await
        .unwrap_err();
    assert!(error.is_refusal(), "and has nothing of the first one's");
}

#[tokio::test]
async fn the_usual_survey_is_the_only_one() {
    let fake = Fake::start().await;
    let (_, client) = token_file(&fake, "token");
    let me = |names: &[&str]| {
        let surveys: Vec<_> = names
            .iter()
            .map(|name| json!({ "name": name, "title": "t", "access": "read", "readers": [] }))
            .chain([json!({ "name": "closed", "title": "t", "access": null, "readers": [] })])
            .collect();
        json!({ "username": "ada", "groups": [], "account_end": null, "join_at": "x", "surveys": surveys })
    };
    fake.set("GET /api/v1/me", 200, me(&["m13"]));
    assert_eq!(client.usual_survey().await.unwrap().as_str(), "m13");
    fake.set("GET /api/v1/me", 200, me(&["m13", "other"]));
    let error = client.usual_survey().await.unwrap_err();
    assert!(error.to_string().contains("m13, other") && error.hint().contains("--survey"));
    fake.set("GET /api/v1/me", 200, me(&[]));
    let error = client.usual_survey().await.unwrap_err();
    assert_eq!(error.to_string(), "you may read no survey");
    // A portal that does not say which.
    fake.set(HUB, 200, given("1", 3600));
    let error = hub(&fake, "t").usual_survey().await.unwrap_err();
    assert!(error.to_string().contains("of which survey"), "{error}");
}
