//! The client's own token is made once, kept, and renewed.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;
use skykey_keystone::{Caller, Error};
use skykey_types::SignedDuration;

use crate::scripted::{PASSWORD, Script, Scripted, no_projects};

#[tokio::test]
async fn many_who_need_a_token_at_once_make_one_login() {
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer: |_| no_projects(),
    })
    .await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let keystone = server.keystone.clone();
            tokio::spawn(async move { keystone.projects(Caller::Own).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(Vec::new()));
    }
    assert_eq!((server.logins(), server.requests()), (1, 20));
}

#[tokio::test]
async fn many_who_wait_share_a_failed_login() {
    let server = Scripted::new(Script {
        login: StatusCode::SERVICE_UNAVAILABLE,
        answer: |_| no_projects(),
    })
    .await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let keystone = server.keystone.clone();
            tokio::spawn(async move { keystone.projects(Caller::Own).await })
        })
        .collect();
    for task in tasks {
        let error = task.await.unwrap().unwrap_err();
        assert!(error.is_outage() && error.status() == Some(503), "{error}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
    // One login, which is tried three times.
    assert_eq!((server.logins(), server.requests()), (3, 0));
    // Who comes later tries again.
    assert!(server.keystone.projects(Caller::Own).await.is_err());
    assert!(server.logins() > 3);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_it_ends() {
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer: |_| no_projects(),
    })
    .await;
    server.keystone.projects(Caller::Own).await.unwrap();
    server.clock.advance(SignedDuration::from_secs(55 * 60 - 1));
    server.keystone.projects(Caller::Own).await.unwrap();
    assert_eq!(server.logins(), 1);
    server.clock.advance(SignedDuration::from_secs(1));
    server.keystone.projects(Caller::Own).await.unwrap();
    assert_eq!(server.logins(), 2);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let answer = |token: &str| match token {
        "token-1" => StatusCode::UNAUTHORIZED.into_response(),
        _ => no_projects(),
    };
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer,
    })
    .await;
    assert_eq!(server.keystone.projects(Caller::Own).await, Ok(Vec::new()));
    assert_eq!((server.logins(), server.requests()), (2, 2));

    let answer = |_: &str| StatusCode::UNAUTHORIZED.into_response();
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer,
    })
    .await;
    let error = server.keystone.projects(Caller::Own).await.unwrap_err();
    assert!(
        matches!(error, Error::Refused { status: 401, .. }),
        "{error}"
    );
    assert_eq!((server.logins(), server.requests()), (2, 2));
}

#[tokio::test]
async fn a_lack_of_rights_is_no_reason_for_a_new_token() {
    let answer = |_: &str| StatusCode::FORBIDDEN.into_response();
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer,
    })
    .await;
    assert!(server.keystone.projects(Caller::Own).await.is_err());
    assert_eq!((server.logins(), server.requests()), (1, 1));
}

#[tokio::test]
async fn roles_are_asked_for_anew_with_the_token_that_there_is() {
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer: |_| {
            Json(json!({"token": {
                "user": {"id": "1", "name": "skykey"}, "project": {"id": "2", "name": "lsst"},
                "roles": [{"id": "4", "name": "reader"}], "expires_at": "2026-11-23T10:00:00.000000Z",
            }}))
            .into_response()
        },
    })
    .await;
    assert_eq!(server.keystone.own().await.unwrap().roles, ["member"]);
    assert_eq!(server.keystone.own_roles().await.unwrap(), ["reader"]);
    assert_eq!((server.logins(), server.requests()), (1, 1));
}
