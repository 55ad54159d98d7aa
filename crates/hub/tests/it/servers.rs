//! Stopping a person's servers.

use std::sync::Arc;

use serde_json::json;
use skykey_hub::HubError;
use skykey_types::Secret;

use crate::fake::Fake;

fn running(names: &[&str]) -> serde_json::Value {
    let servers: serde_json::Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "name": name, "ready": true })))
        .collect();
    json!({ "name": "ada", "kind": "user", "servers": servers })
}

#[tokio::test]
async fn all_that_run_are_stopped_the_default_one_and_the_named() {
    let fake = Fake::start("/base/").await;
    fake.say_to("GET", 200, running(&["", "g/pu"]));
    fake.say_to("DELETE", 204, json!({}));
    assert_eq!(fake.servers().stop_all("ada").await.unwrap(), Some(2));
    let asked: Vec<String> = fake.seen().into_iter().map(|(asked, _)| asked).collect();
    assert_eq!(
        asked,
        [
            "GET /base/hub/api/users/ada",
            "DELETE /base/hub/api/users/ada/server",
            "DELETE /base/hub/api/users/ada/servers/g%2Fpu",
        ]
    );
    let authorizations = fake
        .seen()
        .into_iter()
        .map(|(_, authorization)| authorization);
    assert!(authorizations.eq(["token of-the-service"; 3]));
}

#[tokio::test]
async fn a_token_that_outlived_its_server_is_refused_if_the_hub_may_be_asked() {
    let told = |servers: &[&str]| {
        let mut told = running(servers);
        told["scopes"] = json!(["access:servers!server=ada/gpu"]);
        told
    };
    let token = Secret::new("x".repeat(32));
    for (servers, lives) in [(&["", "gpu"][..], true), (&[""], false), (&[], false)] {
        let fake = Fake::start("/").await;
        fake.say_to("GET", 200, told(servers));
        let hub = fake.alone().with_servers(Arc::new(fake.servers()));
        assert_eq!(hub.user(&token).await.unwrap().is_some(), lives);
    }
    // Without a word about servers nobody knows.
    let fake = Fake::start("/").await;
    let mut silent = told(&[]);
    silent.as_object_mut().unwrap().remove("servers");
    fake.say_to("GET", 200, silent);
    let hub = fake.alone().with_servers(Arc::new(fake.servers()));
    let error = hub.user(&token).await.unwrap_err();
    assert!(error.to_string().contains("read:servers"), "{error}");
}

#[tokio::test]
async fn one_that_is_stopping_or_gone_is_as_good_as_stopped() {
    let fake = Fake::start("/").await;
    fake.say_to("GET", 200, running(&[""]));
    for status in [202, 404] {
        fake.say_to("DELETE", status, json!({}));
        assert_eq!(fake.servers().stop_all("ada").await.unwrap(), Some(1));
    }
    fake.say_to("GET", 200, running(&[]));
    assert_eq!(fake.servers().stop_all("ada").await.unwrap(), Some(0));
}

#[tokio::test]
async fn a_user_that_the_hub_does_not_know_has_none() {
    let fake = Fake::start("/").await;
    fake.say_to("GET", 404, json!({ "message": "Not Found" }));
    assert_eq!(fake.servers().stop_all("ada").await.unwrap(), None);
}

#[tokio::test]
async fn a_name_that_would_be_another_address_is_nobodys() {
    let fake = Fake::start("/").await;
    for name in ["", ".", "..", "a\nb", &"x".repeat(256)] {
        assert_eq!(fake.servers().stop_all(name).await.unwrap(), None);
    }
    assert_eq!(fake.seen(), []);
    fake.say_to("GET", 200, running(&[".."]));
    let error = fake.servers().stop_all("ada/../bob").await.unwrap_err();
    assert!(matches!(error, HubError::Unexpected(_)), "{error}");
    assert_eq!(fake.seen()[0].0, "GET /hub/api/users/ada%2F..%2Fbob");
}

#[tokio::test]
async fn a_no_says_which_scopes_the_role_needs() {
    let fake = Fake::start("/").await;
    let needs = "needs the scope read:servers, and to stop servers delete:servers";
    for status in [401, 403] {
        fake.say_to("GET", status, json!({}));
        let error = fake.servers().stop_all("ada").await.unwrap_err();
        assert!(error.to_string().contains(needs), "{error}");
    }
    fake.say_to("GET", 200, running(&[""]));
    fake.say_to("DELETE", 403, json!({}));
    let error = fake
        .servers()
        .stop_all("ada")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("cannot stop a notebook server: JupyterHub returned HTTP 403"));
    assert!(
        error.contains(needs) && !error.contains("of-the-service"),
        "{error}"
    );
    fake.say_to("GET", 200, json!({ "name": "ada" }));
    let error = fake.servers().stop_all("ada").await.unwrap_err();
    assert!(
        error.to_string().contains("the scope read:servers"),
        "{error}"
    );
}

#[tokio::test]
async fn a_hub_in_trouble_is_an_error() {
    let fake = Fake::start("/").await;
    for status in [400, 500] {
        fake.say_to("GET", 200, running(&[""]));
        fake.say_to("DELETE", status, json!({}));
        let error = fake.servers().stop_all("ada").await.unwrap_err();
        assert!(matches!(error, HubError::NotDone { .. }), "{error}");
    }
}
