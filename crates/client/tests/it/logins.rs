//! The login that is kept: renewed in time, once, and forgotten.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use skykey_client::{ClientError, LoggedOut, Places};

use crate::portal::{ACCESS, Fake, REFRESH, no};

const ME: &str = "GET /api/v1/me";
const TOKEN: &str = "POST /token";

fn me() -> serde_json::Value {
    json!({ "username": "ada", "groups": ["m13/readers"], "account_end": null, "join_at": "x", "surveys": [] })
}

fn fresh(number: u32) -> (u16, serde_json::Value) {
    let answer = json!({
        "access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"),
        "token_type": "bearer", "expires_in": 3600,
    });
    (200, answer)
}

#[tokio::test]
async fn a_login_that_is_good_is_used_as_it_is() {
    let fake = Fake::start().await;
    fake.set(ME, 200, me());
    let client = fake.logged_in(61);
    assert_eq!(client.me().await.unwrap().username, "ada");
    assert_eq!(client.who().unwrap().name, "Ada");
    assert_eq!(fake.seen(ME)[0].authorization, format!("Bearer {ACCESS}"));
    assert!(fake.seen(TOKEN).is_empty());
}

#[tokio::test]
async fn a_login_is_renewed_a_minute_before_its_end_and_the_new_token_kept() {
    let fake = Fake::start().await;
    fake.set(ME, 200, me());
    fake.script(TOKEN, vec![fresh(1), fresh(2)]);
    fake.logged_in(60).me().await.unwrap();
    assert_eq!(fake.seen(ME)[0].authorization, "Bearer access-1");
    let body = &fake.seen(TOKEN)[0].body;
    assert!(body.contains(&format!("refresh_token={REFRESH}")) && body.contains("client_id=cli"));
    let path = fake.folder().join("login.json");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The old refresh token is spent; the next renewal brings the new one.
    fake.later(3600);
    fake.client().me().await.unwrap();
    assert!(fake.seen(TOKEN)[1].body.contains("refresh_token=refresh-1"));
}

#[tokio::test]
async fn two_who_renew_at_once_renew_once() {
    let fake = Fake::start().await;
    fake.set(ME, 200, me());
    fake.script(
        TOKEN,
        vec![fresh(1), (400, json!({ "error": "invalid_grant" }))],
    );
    let (one, two, three) = (fake.logged_in(0), fake.client(), fake.client());
    let (one, two, three) = tokio::join!(one.me(), two.me(), three.me());
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(fake.seen(TOKEN).len(), 1);
}

#[tokio::test]
async fn a_login_that_the_iam_ended_says_to_log_in_again() {
    let fake = Fake::start().await;
    fake.set(TOKEN, 400, json!({ "error": "invalid_grant" }));
    let error = fake.logged_in(0).me().await.unwrap_err();
    assert!(matches!(error, ClientError::LoginEnded { .. }), "{error}");
    assert_eq!(
        error.hint(),
        format!("run 'skykey login --portal {}'", fake.url)
    );
    let all = format!("{error} {error:?}");
    assert!(!all.contains(REFRESH) && !all.contains(ACCESS), "{all}");
}

#[tokio::test]
async fn an_iam_that_is_away_ends_no_login() {
    let fake = Fake::start().await;
    fake.set(TOKEN, 503, json!({}));
    let client = fake.logged_in(0);
    assert!(client.me().await.unwrap_err().is_outage());
    fake.script(TOKEN, vec![fresh(1)]);
    fake.set(ME, 200, me());
    client.me().await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_time_is_renewed_once() {
    let fake = Fake::start().await;
    fake.script(ME, vec![(401, no("unauthorized")), (200, me())]);
    fake.script(TOKEN, vec![fresh(1)]);
    let client = fake.logged_in(3600);
    client.me().await.unwrap();
    fake.script(ME, vec![(401, no("unauthorized"))]);
    let error = client.me().await.unwrap_err();
    assert_eq!(error.code(), "login_ended");
    assert_eq!(fake.seen(TOKEN).len(), 2);
}

#[tokio::test]
async fn nobody_is_logged_in_before_and_after() {
    let fake = Fake::start().await;
    let places = Places::at(fake.home.path());
    let client = fake.client();
    let error = client.me().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("you are not logged in at {}", fake.url)
    );
    assert!(matches!(
        client.logout().await.unwrap(),
        LoggedOut::NobodyWas
    ));
    // Nothing was written for it.
    assert_eq!(std::fs::read_dir(fake.home.path()).unwrap().count(), 0);
    fake.logged_in(60);
    assert_eq!(places.portals().unwrap(), [client.portal().clone()]);
    client.logout().await.unwrap();
    assert_eq!(places.portals().unwrap(), []);
    assert_eq!(client.me().await.unwrap_err().code(), "not_logged_in");
}

#[tokio::test]
async fn where_the_site_offers_no_login_it_is_said() {
    let fake = Fake::start().await;
    let mut site =
        json!({ "portal": fake.url, "issuer": fake.url, "s3": "x", "region": "y", "version": "z" });
    fake.set("GET /api/v1/site", 200, site.clone());
    let error = fake.client().begin_login().await.unwrap_err();
    assert_eq!(error.code(), "no_login_offered");
    assert!(error.hint().contains("cli_client_id"), "{}", error.hint());

    site["client_id"] = json!("cli");
    fake.set("GET /api/v1/site", 200, site);
    fake.set(
        "POST /devicecode",
        200,
        json!({ "device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": fake.url, "expires_in": 600 }),
    );
    let begun = fake.client().begin_login().await.unwrap();
    assert_eq!(begun.device.user_code, "ABCD-EFGH");
    let body = &fake.seen("POST /devicecode")[0].body;
    assert!(
        body.contains("client_id=cli") && body.contains("offline_access"),
        "{body}"
    );
}
