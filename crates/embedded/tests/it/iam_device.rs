use axum::http::StatusCode;
use jiff::SignedDuration;

use crate::iam_world::{SKYKEY_SECRET, World, text};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn begin(world: &World) -> (String, String) {
    let answer = world
        .form(
            "/devicecode",
            &[
                ("client_id", "cli"),
                ("scope", "openid profile offline_access"),
            ],
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let found = answer.json();
    assert_eq!(found["verification_uri"], "http://127.0.0.1:9000/device");
    assert_eq!(
        (&found["expires_in"], &found["interval"]),
        (&600.into(), &5.into())
    );
    (text(&found["device_code"]), text(&found["user_code"]))
}

async fn poll(world: &World, device_code: &str) -> crate::iam_world::Answer {
    world
        .form(
            "/token",
            &[
                ("grant_type", DEVICE),
                ("client_id", "cli"),
                ("device_code", device_code),
            ],
        )
        .await
}

/// INDIGO's endpoint knows the client by this field alone.
#[tokio::test]
async fn a_client_names_itself_in_the_form() {
    let world = World::new();
    let answer = world
        .form_as(
            "/devicecode",
            Some(("skykey", SKYKEY_SECRET)),
            &[("scope", "openid")],
        )
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.error(), "invalid_request");
}

#[tokio::test]
async fn a_person_approves_and_the_device_gets_tokens_once() {
    let world = World::new();
    let (device_code, user_code) = begin(&world).await;
    assert_eq!(
        poll(&world, &device_code).await.error(),
        "authorization_pending"
    );
    assert_eq!(poll(&world, &device_code).await.error(), "slow_down");

    let mut browser = world.browser();
    let complete = format!("/device?user_code={user_code}");
    let to_login = browser.get(&complete).await;
    assert_eq!(to_login.sent_back("next").unwrap(), complete);
    let mut browser = world.logged_in("eve").await;
    assert!(browser.get(&complete).await.body.contains(&user_code));
    let page = browser
        .post(
            "/device",
            "/device",
            &[("user_code", &user_code.to_lowercase())],
        )
        .await;
    assert!(
        page.body.contains("<strong>cli</strong>")
            && page.body.contains("offline_access openid profile")
    );
    assert_eq!(
        poll(&world, &device_code).await.status,
        StatusCode::BAD_REQUEST
    );
    let done = browser
        .post(
            "/device",
            "/device",
            &[("user_code", &user_code), ("decision", "approve")],
        )
        .await;
    assert_eq!(done.status, StatusCode::OK);

    let tokens = poll(&world, &device_code).await.json();
    assert_eq!(
        world
            .get("/userinfo", &text(&tokens["access_token"]))
            .await
            .json()["preferred_username"],
        "eve"
    );
    assert!(tokens["refresh_token"].is_string() && tokens["id_token"].is_string());
    assert_eq!(poll(&world, &device_code).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_person_can_say_no() {
    let world = World::new();
    let (device_code, user_code) = begin(&world).await;
    let mut browser = world.logged_in("eve").await;
    browser
        .post(
            "/device",
            "/device",
            &[("user_code", &user_code), ("decision", "deny")],
        )
        .await;
    assert_eq!(poll(&world, &device_code).await.error(), "access_denied");
}

#[tokio::test]
async fn a_device_code_expires() {
    let world = World::new();
    let (device_code, user_code) = begin(&world).await;
    world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(poll(&world, &device_code).await.error(), "expired_token");
    let mut browser = world.logged_in("eve").await;
    let page = browser
        .post("/device", "/device", &[("user_code", &user_code)])
        .await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_foreign_form_approves_no_device() {
    let world = World::new();
    let (device_code, user_code) = begin(&world).await;
    let mut browser = world.logged_in("eve").await;
    let fields = [
        ("user_code", user_code.as_str()),
        ("decision", "approve"),
        ("csrf", "00"),
    ];
    assert_eq!(
        browser.post_bare("/device", &fields).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        poll(&world, &device_code).await.error(),
        "authorization_pending"
    );
    let nobody = world.browser().post_bare("/device", &fields).await;
    assert!(nobody.location().starts_with("/login"));
}

#[tokio::test]
async fn only_clients_with_the_grant_begin_and_only_within_their_scopes() {
    let world = World::new();
    assert_eq!(
        world
            .as_web("/devicecode", &[("client_id", "web")])
            .await
            .error(),
        "unauthorized_client"
    );
    assert_eq!(
        world
            .form("/devicecode", &[("client_id", "nobody")])
            .await
            .error(),
        "invalid_client"
    );
    let wide = [("client_id", "cli"), ("scope", "iam:admin.write")];
    assert_eq!(
        world.form("/devicecode", &wide).await.error(),
        "invalid_scope"
    );
}
