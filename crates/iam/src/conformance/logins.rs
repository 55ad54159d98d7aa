//! Logins.

use skykey_types::{Secret, SignedDuration};
use url::Url;

use super::sent_back;
use crate::{DevicePoll, DeviceStart, Iam, IamError, Login};

/// A login by code tells who it was, and its access token is believed.
pub async fn login_with(iam: &Iam, drive: impl AsyncFn(Url) -> Url) -> Login {
    let start = iam.begin_login().await.expect("a login begins");
    let back = drive(start.url.clone()).await;
    assert_eq!(
        sent_back(&back, "state"),
        start.state,
        "the state came back"
    );
    let login = iam
        .finish_login(&start, &sent_back(&back, "code"))
        .await
        .expect("a login ends");
    believed(iam, &login).await;
    login
}

/// A code that the provider never gave.
pub async fn refuses_wrong_code(iam: &Iam) {
    let start = iam.begin_login().await.expect("a login begins");
    let error = iam
        .finish_login(&start, &Secret::new("a-code-that-nobody-gave"))
        .await
        .expect_err("the code is wrong");
    assert!(matches!(error, IamError::Login { .. }), "{error:?}");
}

/// A code is good for the login that it belongs to (PKCE, RFC 7636).
pub async fn refuses_a_code_of_another_login(iam: &Iam, drive: impl AsyncFn(Url) -> Url) {
    let mine = iam.begin_login().await.expect("a login begins");
    let others = iam.begin_login().await.expect("a login begins");
    let back = drive(others.url.clone()).await;
    let stolen = sent_back(&back, "code");
    let error = iam
        .finish_login(&mine, &stolen)
        .await
        .expect_err("the code belongs to another login");
    assert!(matches!(error, IamError::Login { .. }), "{error:?}");
}

/// A code is good once.
pub async fn refuses_a_code_twice(iam: &Iam, drive: impl AsyncFn(Url) -> Url) {
    let start = iam.begin_login().await.expect("a login begins");
    let code = sent_back(&drive(start.url.clone()).await, "code");
    iam.finish_login(&start, &code).await.expect("once");
    let error = iam
        .finish_login(&start, &code)
        .await
        .expect_err("not twice");
    assert!(matches!(error, IamError::Login { .. }), "{error:?}");
}

/// A login by device code waits for the person, who says yes in `drive`, and is given out once.
pub async fn device(iam: &Iam, drive: impl AsyncFn(&DeviceStart)) -> Login {
    let start = iam.begin_device(&[]).await.expect("a login begins");
    assert!(start.interval >= SignedDuration::from_secs(1));
    for _ in 0..2 {
        let poll = iam.poll_device(&start).await.expect("it can be asked");
        let waits = matches!(poll, DevicePoll::Pending | DevicePoll::SlowDown);
        assert!(waits, "{poll:?}");
    }
    drive(&start).await;
    let login = match iam.poll_device(&start).await.expect("it can be asked") {
        DevicePoll::Done(login) => *login,
        other => panic!("the person said yes: {other:?}"),
    };
    believed(iam, &login).await;
    let again = iam.poll_device(&start).await;
    assert!(!matches!(again, Ok(DevicePoll::Done(_))), "given out twice");
    login
}

/// A login by device code to which the person says no in `drive`.
pub async fn device_denied(iam: &Iam, drive: impl AsyncFn(&DeviceStart)) {
    let start = iam.begin_device(&[]).await.expect("a login begins");
    drive(&start).await;
    let poll = iam.poll_device(&start).await.expect("it can be asked");
    assert!(matches!(poll, DevicePoll::Denied), "{poll:?}");
}

async fn believed(iam: &Iam, login: &Login) {
    assert_eq!(login.id.issuer, iam.issuer());
    assert!(!login.id.sub.is_empty() && !login.username.is_empty() && !login.name.is_empty());
    assert!(login.expires > iam.clock.now(), "the access token is live");
    let claims = iam
        .verify_access_token(&login.access_token)
        .await
        .expect("the access token is believed");
    assert_eq!(claims.id, login.id);
    assert!(
        claims.scopes.iter().any(|scope| scope == "openid"),
        "{:?}",
        claims.scopes
    );
}
