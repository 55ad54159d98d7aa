//! Trials of what must be refused, at Keystones where it is not.

use serde_json::json;
use skykey_keystone::{ADVISORIES, Found};
use skykey_testkit::Response;

use crate::raw::{Raw, json_body, token};

fn made() -> Response {
    let credential = json!({"access": "a", "secret": "s", "user_id": "1", "tenant_id": "2"});
    json_body(201, &json!({"credential": credential}))
}

const MAKE: &str = "POST /v3/users/1/credentials/OS-EC2";
const DELETE: &str = "DELETE /v3/users/1/credentials/OS-EC2/a";

#[tokio::test]
async fn a_signature_that_opens_everything_is_found_out() {
    let raw = Raw::new(vec![
        token("own"),
        made(),
        Response::status(401),
        token("stolen"),
        Response::status(204),
        Response::status(204),
    ])
    .await;
    let probe = raw.keystone.unsigned_ec2_calls_refused().await.unwrap();
    let Found::Done(what) = probe.found else {
        panic!("{probe:?}")
    };
    assert!(what.contains("/v3/ec2tokens"), "{what}");
    assert_eq!(probe.left_behind, [""; 0]);
    assert_eq!(
        raw.requests(),
        [
            "POST /v3/auth/tokens",
            MAKE,
            "POST /v3/s3tokens",
            "POST /v3/ec2tokens",
            "DELETE /v3/auth/tokens",
            DELETE
        ]
    );
}

#[tokio::test]
async fn an_application_credential_that_makes_credentials_is_found_out() {
    let app = json!({"application_credential": {"id": "app", "secret": "hunter2"}});
    let raw = Raw::new(vec![
        token("own"),
        json_body(201, &app),
        token("delegated"),
        made(),
        Response::status(204),
        Response::status(204),
    ])
    .await;
    let probe = raw.keystone.delegated_tokens_refused().await.unwrap();
    assert!(matches!(probe.found, Found::Done(_)), "{probe:?}");
    assert_eq!(probe.left_behind, [""; 0]);
    assert_eq!(
        raw.requests(),
        [
            "POST /v3/auth/tokens",
            "POST /v3/users/1/application_credentials",
            "POST /v3/auth/tokens",
            MAKE,
            DELETE,
            "DELETE /v3/users/1/application_credentials/app"
        ]
    );
}

#[tokio::test]
async fn what_stays_behind_after_a_trial_is_told() {
    let raw = Raw::new(vec![
        token("own"),
        made(),
        Response::status(401),
        Response::status(403),
        Response::status(409),
    ])
    .await;
    let probe = raw.keystone.unsigned_ec2_calls_refused().await.unwrap();
    assert_eq!(probe.found, Found::Refused);
    assert_eq!(probe.left_behind, ["the EC2 credential a of skykey"]);
}

#[tokio::test]
async fn a_trial_is_cleaned_up_when_its_middle_fails() {
    let raw = Raw::new(vec![
        token("own"),
        made(),
        Response::none(),
        Response::none(),
        Response::none(),
        Response::status(204),
    ])
    .await;
    let error = raw.keystone.unsigned_ec2_calls_refused().await.unwrap_err();
    assert!(error.is_outage(), "{error}");
    assert_eq!(raw.requests().last().unwrap(), DELETE);
}

#[tokio::test]
async fn a_trial_is_cleaned_up_when_nobody_waits_for_it() {
    let raw = Raw::new(vec![
        token("own"),
        made(),
        Response::status(401),
        Response::status(401),
        Response::status(204),
    ])
    .await;
    let keystone = raw.keystone.clone();
    let waiting = tokio::spawn(async move { keystone.unsigned_ec2_calls_refused().await });
    while !raw.requests().contains(&MAKE.to_owned()) {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    while raw.requests().last().unwrap() != DELETE {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_keystone_without_application_credentials_cannot_be_tried() {
    let raw = Raw::new(vec![token("own"), Response::status(403)]).await;
    let probe = raw.keystone.delegated_tokens_refused().await.unwrap();
    assert!(matches!(probe.found, Found::NotTried(_)), "{probe:?}");
    assert_eq!(raw.requests().len(), 2);
}

#[test]
fn every_advisory_says_what_and_since_when() {
    for advisory in ADVISORIES {
        assert!(!advisory.ids.is_empty() && !advisory.fixed_in.is_empty());
        assert!(!advisory.about.ends_with('.') && !advisory.about.contains("  "));
    }
}
