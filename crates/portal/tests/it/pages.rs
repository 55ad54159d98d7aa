//! The pages, as a browser goes through them.

use axum::http::StatusCode;
use serde_json::json;
use skykey_testkit::broker::Mood;

use crate::world::Portal;

#[tokio::test]
async fn a_person_logs_in_leases_gives_back_and_logs_out() {
    let portal = Portal::start().await;
    let mut browser = portal.browser();
    let welcome = browser.get("/").await;
    assert_eq!(welcome.status, StatusCode::OK);
    assert!(welcome.body.contains("The survey demo"));
    assert!(
        !welcome.body.contains("csrf"),
        "there is no form before login"
    );

    let begun = browser.get("/login").await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER);
    let authorize = format!("{}authorize?", portal.iam.issuer);
    assert!(begun.header("location").starts_with(&authorize));
    let cookie = begun.header("set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; "), "{cookie}");

    let callback = browser.begin_login("bob").await;
    let back = browser.get(&callback).await;
    assert_eq!(
        (back.status, back.header("location")),
        (StatusCode::SEE_OTHER, "/")
    );
    let home = browser.get("/").await;
    assert!(home.body.contains("bob") && home.body.contains("Log out"));
    assert_eq!(home.header("cache-control"), "no-store");
    assert!(
        home.header("content-security-policy")
            .contains("form-action 'self'")
    );

    let shown = browser
        .submit("/leases", "survey=demo&method=gateway&lifetime=3600")
        .await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert_eq!(shown.header("cache-control"), "no-store");
    assert!(shown.body.contains("aws_session_token"), "{}", shown.body);
    let leases = portal
        .world
        .broker
        .leases(&portal.world.caller("bob").id)
        .await
        .unwrap();
    let id = leases[0].id.to_string();
    let home = browser.get("/").await.body;
    assert!(
        home.contains(&id) && !home.contains("aws_session_token"),
        "secrets are shown once"
    );

    let given = browser.submit(&format!("/leases/{id}/return"), "").await;
    assert_eq!(
        (given.status, given.header("location")),
        (StatusCode::SEE_OTHER, "/")
    );
    let again = browser.submit("/leases/lease-0/return", "").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);

    let out = browser.submit("/logout", "").await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert!(!browser.get("/").await.body.contains("Log out"));
}

#[tokio::test]
async fn a_copied_cookie_is_worth_nothing_after_logout_or_eight_hours() {
    let portal = Portal::start().await;
    let mut browser = portal.logged_in("bob").await;
    let copied = browser.cookies();
    let is_in = async |cookies: &str| {
        let home = portal.call("GET", "/", &[("cookie", cookies)], "").await;
        home.body.contains("Log out")
    };
    assert!(is_in(&copied).await);
    browser.submit("/logout", "").await;
    assert!(!is_in(&copied).await, "a session that was logged out");
    let later = portal.logged_in("bob").await.cookies();
    portal.world.wait(8 * 3600 - 1);
    assert!(is_in(&later).await);
    portal.world.wait(1);
    assert!(!is_in(&later).await, "a session of eight hours");
}

#[tokio::test]
async fn a_wrong_lease_form_is_answered_with_what_is_wrong() {
    let portal = Portal::start().await;
    let mut browser = portal.logged_in("bob").await;
    for (form, status, words) in [
        ("survey=nowhere", 404, "nowhere"),
        ("survey=", 404, "survey"),
        ("survey=demo&lifetime=10", 400, "10"),
        ("survey=demo&lifetime=", 400, "lifetime"),
        ("survey=demo&lifetime=soon", 400, "soon"),
        ("survey=demo&method=magic", 400, "magic"),
        ("survey=demo&access=all", 400, "all"),
        ("survey=demo&key=mine", 400, "mine"),
        ("survey=demo&access=write", 403, "demo"),
        ("survey=plain&method=sts-lite", 400, "sts-lite"),
    ] {
        let answer = browser.submit("/leases", form).await;
        assert_eq!(answer.status.as_u16(), status, "{form}: {}", answer.body);
        assert!(answer.body.contains("That did not work"), "{form}");
        let (_, message) = answer.body.split_once("role=\"alert\"").unwrap();
        assert!(message.contains(words), "{form}: {message}");
    }
    let leases = portal
        .world
        .broker
        .leases(&portal.world.caller("bob").id)
        .await;
    assert!(leases.unwrap().is_empty(), "a wrong form issued a lease");
    let mut dave = portal.logged_in("dave").await;
    let answer = dave.submit("/leases", "survey=demo&method=gateway").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_login_that_the_iam_refuses_or_cannot_answer_opens_no_session() {
    let portal = Portal::start().await;
    let mut browser = portal.browser();
    let denied = browser
        .begin_login("bob")
        .await
        .replace("code=a-code", "error=access_denied");
    let answer = browser.get(&denied).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    for (status, body, expected) in [
        (
            400,
            json!({ "error": "invalid_grant" }),
            StatusCode::BAD_REQUEST,
        ),
        (503, json!({}), StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let callback = browser.begin_login("bob").await;
        portal.iam.set("/token", status, body);
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status, expected, "{}", answer.body);
        assert!(
            !browser.cookies().contains("skykey_portal="),
            "a session without a login"
        );
    }
    // A callback that is loaded again by somebody who is in is no error.
    let callback = browser.begin_login("bob").await;
    browser.get(&callback).await;
    assert_eq!(browser.get(&callback).await.header("location"), "/");
    portal.world.people.door.be(Mood::Away);
    let home = browser.get("/").await;
    assert_eq!(
        home.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        home.body
    );
}
