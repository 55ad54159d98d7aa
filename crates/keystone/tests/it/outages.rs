//! What is tried again when no answer comes, and what must not be.

use serde_json::{Value, json};
use skykey_keystone::{Caller, Error};
use skykey_testkit::Response;
use skykey_types::{AccessKeyId, Secret};

use crate::raw::{Raw, json_body, token};

const CREATE: &str = "POST /v3/users/1/credentials/OS-EC2";
const LIST: &str = "GET /v3/users/1/credentials/OS-EC2";
const LOGIN: &str = "POST /v3/auth/tokens";

fn credential() -> Value {
    json!({"access": "a", "secret": "s", "user_id": "1", "tenant_id": "2"})
}

async fn create(raw: &Raw) -> Result<skykey_keystone::Ec2Credential, Error> {
    let token = Secret::new("token");
    raw.keystone
        .create_ec2(Caller::Token(&token), "1", "2")
        .await
}

#[tokio::test]
async fn no_second_ec2_credential_is_made_when_the_answer_is_lost() {
    let raw = Raw::new(vec![Response::none()]).await;
    let error = create(&raw).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("cannot make an EC2 credential: Keystone cannot be reached"),
        "{error}"
    );
    assert_eq!(raw.requests(), [CREATE]);
}

#[tokio::test]
async fn no_second_ec2_credential_is_made_after_a_servers_error() {
    for status in [500, 502, 503, 504] {
        let raw = Raw::new(vec![Response::status(status)]).await;
        let error = create(&raw).await.unwrap_err();
        assert_eq!(error.status(), Some(status), "{error}");
        assert!(error.is_outage());
        assert_eq!(raw.requests(), [CREATE]);
    }
}

#[tokio::test]
async fn an_ec2_credential_that_was_certainly_not_made_is_asked_for_again() {
    let made = json_body(201, &json!({"credential": credential()}));
    let raw = Raw::new(vec![Response::status(429), made.clone()]).await;
    assert_eq!(create(&raw).await.unwrap().access, AccessKeyId::new("a"));
    assert_eq!(raw.requests(), [CREATE, CREATE]);

    // Refused because of our token: with a new one.
    let raw = Raw::new(vec![
        token("token-1"),
        Response::status(401),
        token("token-2"),
        made,
    ])
    .await;
    let made = raw.keystone.create_ec2(Caller::Own, "1", "2").await;
    assert_eq!(made.unwrap().access, AccessKeyId::new("a"));
    assert_eq!(raw.requests(), [LOGIN, CREATE, LOGIN, CREATE]);
}

#[tokio::test]
async fn reading_is_tried_again() {
    let found = json_body(200, &json!({"credentials": [credential()]}));
    let raw = Raw::new(vec![Response::status(503), Response::none(), found]).await;
    let token = Secret::new("token");
    let found = raw.keystone.list_ec2(Caller::Token(&token), "1").await;
    assert_eq!(found.unwrap().len(), 1);
    assert_eq!(raw.requests(), [LIST, LIST, LIST]);
}

#[tokio::test]
async fn logging_in_is_tried_again() {
    let raw = Raw::new(vec![
        Response::none(),
        Response::status(502),
        token("token-1"),
    ])
    .await;
    let own = raw.keystone.own().await.unwrap();
    assert_eq!(own.token, Secret::new("token-1"));
    assert_eq!(raw.requests(), [LOGIN, LOGIN, LOGIN]);
}

#[tokio::test]
async fn deleting_is_tried_again_and_what_is_gone_then_is_deleted() {
    // Only Keystone's own words say so: the page of a proxy says nothing.
    let gone = json!({"error": {"code": 404, "message": "Could not find credential: a.", "title": "Not Found"}});
    let raw = Raw::new(vec![Response::none(), json_body(404, &gone)]).await;
    let token = Secret::new("token");
    let gone = raw
        .keystone
        .delete_ec2(Caller::Token(&token), "1", &AccessKeyId::new("a"))
        .await;
    assert_eq!(gone, Ok(false));
    assert_eq!(raw.requests().len(), 2);
}

#[tokio::test]
async fn a_keystone_that_keeps_failing_is_left_alone() {
    let raw = Raw::new(Vec::new()).await;
    let token = Secret::new("token");
    for _ in 0..2 {
        let found = raw.keystone.list_ec2(Caller::Token(&token), "1").await;
        assert!(found.unwrap_err().is_outage());
    }
    let before = raw.requests().len();
    let error = create(&raw).await.unwrap_err();
    assert!(error.to_string().contains("is left alone for"), "{error}");
    assert!(error.is_outage());
    assert_eq!(raw.requests().len(), before);
}
