//! The client's own token is made once, kept, and renewed.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use skykey_keystone::Error;
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
            tokio::spawn(async move { keystone.project_by_name("lsst").await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(None));
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
            tokio::spawn(async move { keystone.project_by_name("lsst").await })
        })
        .collect();
    for task in tasks {
        let error = task.await.unwrap().unwrap_err();
        assert!(error.is_outage() && error.status() == Some(503), "{error}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
    assert_eq!((server.logins(), server.requests()), (1, 0));
    // Who comes later tries again.
    assert!(server.keystone.project_by_name("lsst").await.is_err());
    assert_eq!(server.logins(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_it_ends() {
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer: |_| no_projects(),
    })
    .await;
    server.keystone.project_by_name("lsst").await.unwrap();
    server.clock.advance(SignedDuration::from_secs(55 * 60 - 1));
    server.keystone.project_by_name("lsst").await.unwrap();
    assert_eq!(server.logins(), 1);
    server.clock.advance(SignedDuration::from_secs(1));
    server.keystone.project_by_name("lsst").await.unwrap();
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
    assert_eq!(server.keystone.project_by_name("lsst").await, Ok(None));
    assert_eq!((server.logins(), server.requests()), (2, 2));

    let answer = |_: &str| StatusCode::UNAUTHORIZED.into_response();
    let server = Scripted::new(Script {
        login: StatusCode::CREATED,
        answer,
    })
    .await;
    let error = server.keystone.project_by_name("lsst").await.unwrap_err();
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
    assert!(server.keystone.project_by_name("lsst").await.is_err());
    assert_eq!((server.logins(), server.requests()), (1, 1));
}
