//! Answers that no Keystone should give.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use skykey_keystone::{Caller, Error};
use skykey_types::{AccessKeyId, ManualClock, Secret};
use tokio::net::TcpListener;

use crate::scripted::{NOW, Script, Scripted, client};

async fn asked(answer: fn(&str) -> Response) -> Error {
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer,
    })
    .await;
    server.keystone.projects(Caller::Own).await.unwrap_err()
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let error =
        asked(|_| (StatusCode::FOUND, [("location", "/v3/elsewhere")]).into_response()).await;
    assert_eq!(error.status(), Some(302), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let error = asked(|_| " ".repeat(2 * 1024 * 1024).into_response()).await;
    assert!(
        error.to_string().contains("longer than 1048576 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_of_another_shape_is_an_error_that_does_not_repeat_it() {
    let error = asked(|_| Json(json!({"projects": "hunter2"})).into_response()).await;
    assert!(
        matches!(error, Error::Unexpected { status: 200, .. }),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_server_that_echoes_the_token_does_not_get_it_into_the_message() {
    let error = asked(|token| {
        let message = format!("who is {token}?");
        (
            StatusCode::FORBIDDEN,
            Json(json!({"error": {"code": 403, "message": message}})),
        )
            .into_response()
    })
    .await;
    assert!(error.to_string().contains("who is [redacted]?"), "{error}");
}

#[tokio::test]
async fn a_credential_of_another_key_is_not_taken_for_this_one() {
    let answer = |_: &str| {
        let blob = json!({"access": "another", "secret": "hunter2"}).to_string();
        Json(
            json!({"credential": {"type": "ec2", "blob": blob, "user_id": "1", "project_id": "2"}}),
        )
        .into_response()
    };
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer,
    })
    .await;
    let error = server
        .keystone
        .identify_ec2(&AccessKeyId::new("this"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("of another credential"),
        "{error}"
    );
}

#[tokio::test]
async fn a_credential_that_is_no_ec2_credential_is_nobodys() {
    let answer = |_: &str| {
        Json(json!({"credential": {"type": "totp", "blob": "x", "user_id": "1", "project_id": null}})).into_response()
    };
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer,
    })
    .await;
    assert_eq!(
        server
            .keystone
            .identify_ec2(&AccessKeyId::new("this"))
            .await,
        Ok(None)
    );
}

#[tokio::test]
async fn a_lack_of_the_right_to_ask_is_not_taken_for_an_unknown_credential() {
    let answer = |_: &str| StatusCode::FORBIDDEN.into_response();
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer,
    })
    .await;
    let this = AccessKeyId::new("this");
    let asked = server.keystone.identify_ec2(&this).await;
    assert_eq!(asked.unwrap_err().status(), Some(403));
}

#[tokio::test]
async fn a_closed_port_is_an_outage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let keystone = client(address, &ManualClock::at(NOW.parse().unwrap()));
    let error = keystone
        .list_ec2(Caller::Token(&Secret::new("hunter2")), "1")
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Unreachable(_)) && error.is_outage(),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .starts_with("cannot list the EC2 credentials: Keystone cannot be reached"),
        "{error}"
    );
    assert!(!error.to_string().contains("127.0.0.1"), "{error}");
}
