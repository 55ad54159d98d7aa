//! The end of a login: told to the IAM, and forgotten here whatever it answers.

use serde_json::json;
use skykey_client::{Keep, LoggedOut};

use crate::portal::{ACCESS, Fake, REFRESH};

const REVOKE: &str = "POST /revoke";

fn nothing_is_left(fake: &Fake) {
    assert!(!fake.folder().exists());
}

#[tokio::test]
async fn a_logout_ends_the_refresh_token_at_the_iam() {
    let fake = Fake::start().await;
    fake.set(REVOKE, 200, json!({}));
    let client = fake.logged_in(60);
    assert!(matches!(client.logout().await.unwrap(), LoggedOut::Ended));
    let body = &fake.seen(REVOKE)[0].body;
    assert!(body.contains(&format!("token={REFRESH}")), "{body}");
    assert!(body.contains("client_id=cli") && body.contains("token_type_hint=refresh_token"));
    nothing_is_left(&fake);
    assert!(matches!(
        client.logout().await.unwrap(),
        LoggedOut::NobodyWas
    ));
}

#[tokio::test]
async fn an_iam_that_is_away_keeps_nothing_here() {
    let fake = Fake::start().await;
    for (status, body) in [
        (503, json!({})),
        (401, json!({ "error": "invalid_client" })),
        (404, json!({})),
    ] {
        fake.set(REVOKE, status, body);
        let LoggedOut::ForgottenHere { iam, keyring } = fake.logged_in(60).logout().await.unwrap()
        else {
            panic!("{status}: the IAM was told");
        };
        assert_eq!(keyring, None);
        let error = iam.unwrap();
        let all = format!("{error} {error:?}");
        assert!(!all.contains(REFRESH) && !all.contains(ACCESS), "{all}");
        nothing_is_left(&fake);
    }
}

#[tokio::test]
async fn a_provider_that_offers_no_such_thing_is_said_to_be_one() {
    let fake = Fake::start().await;
    let below = |path: &str| format!("{}{path}", fake.url);
    fake.set(
        "GET /.well-known/openid-configuration",
        200,
        json!({
            "issuer": fake.url, "authorization_endpoint": below("authorize"),
            "token_endpoint": below("token"), "jwks_uri": below("jwk"),
        }),
    );
    let LoggedOut::ForgottenHere { iam, .. } = fake.logged_in(60).logout().await.unwrap() else {
        panic!("it was told");
    };
    assert!(iam.unwrap().to_string().contains("revocation_endpoint"));
    nothing_is_left(&fake);
}

#[tokio::test]
async fn what_the_keyring_holds_is_ended_and_forgotten() {
    let fake = Fake::start().await;
    fake.set(REVOKE, 200, json!({}));
    let client = fake.client();
    fake.log_in(&client, Keep::InKeyring).await;
    assert!(matches!(client.logout().await.unwrap(), LoggedOut::Ended));
    let body = &fake.seen(REVOKE)[0].body;
    assert!(body.contains(&format!("token={REFRESH}")), "{body}");
    assert_eq!(fake.keyring.secret(), None);
    nothing_is_left(&fake);
}

#[tokio::test]
async fn a_keyring_that_is_locked_keeps_nothing_in_the_files() {
    let fake = Fake::start().await;
    let client = fake.client();
    fake.log_in(&client, Keep::InKeyring).await;
    fake.keyring.refuse("it is locked");
    let LoggedOut::ForgottenHere { iam, keyring } = client.logout().await.unwrap() else {
        panic!("it was told");
    };
    assert!(iam.unwrap().to_string().contains("it is locked"));
    assert_eq!(keyring.unwrap().to_string(), "it is locked");
    assert!(fake.seen(REVOKE).is_empty());
    nothing_is_left(&fake);
}

#[tokio::test]
async fn a_login_that_cannot_be_read_is_forgotten_too() {
    let fake = Fake::start().await;
    let client = fake.logged_in(60);
    std::fs::write(fake.folder().join("login.json"), "{").unwrap();
    assert!(matches!(
        client.logout().await.unwrap(),
        LoggedOut::ForgottenHere { .. }
    ));
    nothing_is_left(&fake);
}
