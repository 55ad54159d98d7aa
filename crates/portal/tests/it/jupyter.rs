//! The credentials of notebook servers.

use std::time::Duration;

use axum::http::StatusCode;
use skykey_testkit::broker::Mood;

use crate::world::{Answer, Portal};

async fn ask(portal: &Portal, token: &str, query: &str) -> Answer {
    let path = format!("/jupyter/credentials{query}");
    let authorization = format!("Bearer {token}");
    portal
        .call("GET", &path, &[("authorization", &authorization)], "")
        .await
}

#[tokio::test]
async fn a_notebook_server_gets_the_same_credentials_until_they_are_nearly_spent() {
    let portal = Portal::start().await;
    let first = ask(&portal, "server-of-bob", "").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_eq!(first.header("skykey-survey"), "demo");
    assert_eq!(first.header("skykey-places"), "demo/");
    assert_eq!(first.header("connection"), "close");
    assert_eq!(first.header("cache-control"), "no-store");
    for field in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
        assert!(!first.json()[field].as_str().unwrap().is_empty(), "{field}");
    }
    assert_eq!(ask(&portal, "server-of-bob", "").await.json(), first.json());
    let leased = first.json()["Expiration"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let left: skykey_types::SignedDuration = portal.world.now().duration_until(leased);
    portal.world.wait(left.as_secs() - 60);
    let next = ask(&portal, "server-of-bob", "").await.json();
    assert_ne!(next["AccessKeyId"], first.json()["AccessKeyId"]);
    let other = ask(&portal, "server-of-bob", "?survey=plain").await;
    assert_eq!(other.header("skykey-survey"), "plain");
}

#[tokio::test]
async fn a_refusal_is_one_sentence_of_json() {
    let portal = Portal::start().await;
    for (token, query, status, code) in [
        ("unknown", "", 401, "unauthorized"),
        ("hand-made-by-bob", "", 403, "not_a_server"),
        ("server-of-dave", "", 403, "not_a_member"),
        ("server-of-nobody", "", 403, "account_inactive"),
        ("server-of-bob", "?survey=nowhere", 404, "no_such_survey"),
    ] {
        let answer = ask(&portal, token, query).await;
        assert_eq!(answer.status.as_u16(), status, "{token}: {}", answer.body);
        assert_eq!(answer.json()["code"], code, "{token}");
        assert!(!answer.body.contains('\n'), "{token}: {}", answer.body);
        assert!(
            answer.json()["message"].as_str().unwrap().contains("; "),
            "{token}"
        );
    }
    let answer = portal.call("GET", "/jupyter/credentials", &[], "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_left_the_group_is_told_since_when() {
    let portal = Portal::start().await;
    assert_eq!(
        ask(&portal, "server-of-bob", "").await.status,
        StatusCode::OK
    );
    portal.world.leave_groups("bob");
    portal.world.broker.watch_once().await.unwrap();
    let answer = ask(&portal, "server-of-bob", "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("removed from demo/readers at 00:00 UTC"),
        "{message}"
    );
}

#[tokio::test]
async fn a_silent_iam_takes_no_credentials_away() {
    let portal = Portal::start().await;
    let first = ask(&portal, "server-of-bob", "").await.json();
    portal.world.people.door.be(Mood::Away);
    let again = ask(&portal, "server-of-bob", "").await;
    assert_eq!(again.json(), first, "{}", again.body);
}

#[tokio::test]
async fn work_for_a_server_that_hung_up_ends_before_the_database_closes() {
    let mut portal = Portal::start().await;
    let asking = ask(&portal, "slow-server-of-bob", "");
    let hub_is_asked = async {
        while portal.hub.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        answer = asking => panic!("the hub has not answered: {answer:?}"),
        () = hub_is_asked => {}
    }
    portal.world.broker.shut_down().await;
    portal.world.restart().await;
    let newest = portal.world.newest_audit().await;
    assert_eq!(
        (newest.action.as_str(), newest.username.as_str()),
        ("issue", "bob")
    );
}
