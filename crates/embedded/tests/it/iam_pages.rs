use axum::body::Body;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{Request, StatusCode};
use jiff::SignedDuration;

use crate::iam_world::{READERS, World, encoded, password};

#[tokio::test]
async fn a_person_asks_is_rejected_asks_again_is_approved_and_removed() {
    let world = World::new();
    let mut ada = world.logged_in("ada").await;
    assert!(
        ada.get("/dashboard")
            .await
            .body
            .contains("You are in no group yet.")
    );
    let asking = [("group", READERS), ("notes", "I measure <b>galaxies</b>")];
    assert_eq!(
        ada.post("/dashboard", "/dashboard/join", &asking)
            .await
            .location(),
        "/dashboard"
    );
    assert!(
        ada.get("/dashboard")
            .await
            .body
            .contains("waiting for the group&#39;s manager")
    );

    let mut grace = world.logged_in("grace").await;
    let page = grace.get("/dashboard").await.body;
    assert!(
        page.contains("Ada Lovelace (ada)") && !page.contains("<b>galaxies"),
        "{page}"
    );
    let request = value_of(&page, "request");
    let refused = grace
        .post(
            "/dashboard",
            "/dashboard/reject",
            &[("request", &request), ("motivation", " ")],
        )
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("Tell the person why"));
    let rejection = [
        ("request", request.as_str()),
        ("motivation", "tell me more"),
    ];
    assert_eq!(
        grace
            .post("/dashboard", "/dashboard/reject", &rejection)
            .await
            .status,
        StatusCode::SEE_OTHER
    );
    assert!(
        ada.get("/dashboard")
            .await
            .body
            .contains("Reason: tell me more")
    );

    ada.post("/dashboard", "/dashboard/join", &asking).await;
    let request = value_of(&grace.get("/dashboard").await.body, "request");
    let answer = grace
        .post("/dashboard", "/dashboard/approve", &[("request", &request)])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(
        ada.get("/dashboard")
            .await
            .body
            .contains(&format!("<strong>{READERS}</strong>"))
    );

    let removal = [("person", world.sub("ada")), ("group", READERS.to_owned())];
    let removal: Vec<_> = removal
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(
        ada.post("/dashboard", "/dashboard/remove", &removal)
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        grace
            .post("/dashboard", "/dashboard/remove", &removal)
            .await
            .status,
        StatusCode::SEE_OTHER
    );
    assert!(
        !world
            .directory
            .by_username("ada")
            .unwrap()
            .groups
            .contains(&READERS.parse().unwrap())
    );
}

#[tokio::test]
async fn nobody_decides_for_a_group_they_do_not_manage() {
    let world = World::new();
    let mut ada = world.logged_in("ada").await;
    ada.post(
        "/dashboard",
        "/dashboard/join",
        &[("group", READERS), ("notes", "please")],
    )
    .await;
    let mut eve = world.logged_in("eve").await;
    let request = value_of(&ada.get("/dashboard").await.body, "request");
    for (path, fields) in [
        ("/dashboard/approve", vec![("request", request.as_str())]),
        (
            "/dashboard/reject",
            vec![("request", request.as_str()), ("motivation", "no")],
        ),
        ("/dashboard/withdraw", vec![("request", request.as_str())]),
    ] {
        assert_eq!(
            eve.post("/dashboard", path, &fields).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let withdrawn = ada
        .post(
            "/dashboard",
            "/dashboard/withdraw",
            &[("request", &request)],
        )
        .await;
    assert_eq!(withdrawn.status, StatusCode::SEE_OTHER);
    assert!(!ada.get("/dashboard").await.body.contains("Your requests"));
}

#[tokio::test]
async fn forms_without_the_right_csrf_value_do_nothing() {
    let world = World::new();
    let mut ada = world.logged_in("ada").await;
    let mut other = world.logged_in("ada").await;
    let foreign = other.csrf("/dashboard").await;
    for path in [
        "/login",
        "/logout",
        "/dashboard/join",
        "/dashboard/withdraw",
        "/dashboard/approve",
        "/dashboard/reject",
        "/dashboard/remove",
        "/device",
    ] {
        for fields in [vec![], vec![("csrf", foreign.as_str())]] {
            assert_eq!(
                ada.post_bare(path, &fields).await.status,
                StatusCode::FORBIDDEN,
                "{path}"
            );
        }
    }
    assert_eq!(ada.get("/dashboard").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_from_another_origin_does_nothing() {
    let world = World::new();
    let page = world
        .send(Request::get("/login").body(Body::empty()).unwrap())
        .await;
    let cookie = page
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let csrf = value_of(&page.body, "csrf");
    let password = password("ada");
    let body = encoded(&[
        ("csrf", &csrf),
        ("username", "ada"),
        ("password", &password),
    ]);
    let send = |origin: &'static str| {
        let request = Request::post("/login")
            .header("cookie", &cookie)
            .header(HOST, "127.0.0.1:9000");
        world.send(
            request
                .header(ORIGIN, origin)
                .body(Body::from(body.clone()))
                .unwrap(),
        )
    };
    assert_eq!(
        send("http://127.0.0.1:9001").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(send("null").await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        send("http://127.0.0.1:9000").await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn failed_logins_are_throttled_and_say_how_long() {
    let world = World::new();
    let mut browser = world.browser();
    for _ in 0..5 {
        let answer = browser.log_in("ada", "guess", "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(
            answer
                .body
                .contains("The username or the password is wrong.")
        );
    }
    let answer = browser.log_in("ada", &password("ada"), "").await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "1")
    );
    assert!(
        answer
            .body
            .contains("Too many failed attempts. Try again in 1 s.")
    );
    let unknown = browser.log_in("nobody", "guess", "").await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(
        browser.log_in("ada", &password("ada"), "").await.location(),
        "/dashboard"
    );
}

#[tokio::test]
async fn a_login_goes_to_no_other_site_and_begins_a_new_session() {
    let world = World::new();
    let mut browser = world.browser();
    let first = browser.get("/login?next=//evil.example").await;
    assert!(first.body.contains("name=\"next\" value=\"/dashboard\""));
    let before = first.header("set-cookie").to_owned();
    let answer = browser
        .log_in("ada", &password("ada"), "https://evil.example/")
        .await;
    assert_eq!(answer.location(), "/dashboard");
    let after = answer.header("set-cookie");
    assert!(
        after.starts_with("skykey_iam=") && after.ends_with("; HttpOnly; SameSite=Lax; Path=/"),
        "{after}"
    );
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_session_ends_by_logout_by_time_and_with_the_account() {
    let world = World::new();
    let mut browser = world.logged_in("ada").await;
    assert_eq!(
        browser.post("/dashboard", "/logout", &[]).await.location(),
        "/login"
    );
    assert!(
        browser
            .get("/dashboard")
            .await
            .location()
            .starts_with("/login")
    );
    let mut browser = world.logged_in("ada").await;
    world.clock.advance(SignedDuration::from_hours(8));
    assert!(
        browser
            .get("/dashboard")
            .await
            .location()
            .starts_with("/login")
    );
    let mut browser = world.logged_in("ada").await;
    world
        .directory
        .set_active(&world.sub("ada"), false)
        .await
        .unwrap();
    assert!(
        browser
            .get("/dashboard")
            .await
            .location()
            .starts_with("/login")
    );
    let answer = browser.log_in("ada", &password("ada"), "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn pages_forbid_scripts_frames_and_foreign_resources() {
    let world = World::new();
    for path in [
        "/login",
        "/",
        "/dashboard",
        "/device",
        "/static/iam.css",
        "/authorize",
    ] {
        let answer = world
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self' "),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert!(
            !answer.body.contains("<script") && !answer.body.contains("style=\""),
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_groups_with_a_manager_can_be_asked_for_on_the_page() {
    let world = World::new();
    let mut ada = world.logged_in("ada").await;
    let page = ada.get("/dashboard").await.body;
    assert!(
        page.contains(&format!("<option value=\"{READERS}\"")),
        "{page}"
    );
    // The group above it exists, and nobody manages it.
    assert!(world.directory.group(&"lsst".parse().unwrap()).is_some());
    assert!(!page.contains("<option value=\"lsst\""), "{page}");
    // The API takes it all the same, as INDIGO does: an administrator may decide.
    let asking = serde_json::json!({ "groupName": "lsst", "notes": "please" });
    let answer = ada
        .act(
            axum::http::Method::POST,
            "/iam/group_requests",
            Some(asking),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn a_group_whose_manager_is_disabled_cannot_be_asked_for_on_the_page() {
    let world = World::new();
    world
        .directory
        .set_active(&world.sub("grace"), false)
        .await
        .unwrap();
    let page = world.logged_in("ada").await.get("/dashboard").await.body;
    assert!(!page.contains("Ask to join a group"), "{page}");
}

#[tokio::test]
async fn a_path_or_a_method_that_there_is_not_is_answered_with_a_sentence() {
    let world = World::new();
    let send = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        world.send(request.body(Body::empty()).unwrap()).await
    };
    for path in [
        "/nowhere",
        "/dashboard/nowhere",
        "/iam/nowhere",
        "/scim/Nobodies",
    ] {
        let answer = send("GET", path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        let words = answer.body.to_lowercase();
        assert!(
            words.contains("this page does not exist"),
            "{path}: {words}"
        );
    }
    for (method, path, allowed) in [
        ("DELETE", "/login", "GET,HEAD,POST"),
        ("GET", "/logout", "POST"),
        ("GET", "/token", "POST"),
        ("PUT", "/iam/group_requests", "GET,HEAD,POST"),
        ("POST", "/scim/Me", "GET,HEAD"),
    ] {
        let answer = send(method, path).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), allowed, "{path}");
        let words = answer.body.to_lowercase();
        assert!(
            words.contains("does not accept that method"),
            "{path}: {words}"
        );
    }
    // Each in the shape of its place.
    let kind = async |path: &str| send("PATCH", path).await.header("content-type").to_owned();
    assert!(kind("/login").await.starts_with("text/html"));
    assert!(kind("/scim/Me").await.starts_with("application/scim+json"));
    assert_eq!(kind("/token").await, "application/json");
    let page = send("GET", "/nowhere").await;
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
}

#[tokio::test]
async fn a_body_that_is_too_long_is_answered_with_a_sentence() {
    let world = World::new();
    for path in ["/login", "/token", "/iam/group_requests"] {
        let request = Request::post(path).body(Body::from(vec![b'a'; 70_000]));
        let answer = world.send(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let words = answer.body.to_lowercase();
        assert!(words.contains("longer than 64 kib"), "{path}: {words}");
    }
}

/// The value of a form's first hidden field with this name.
fn value_of(html: &str, name: &str) -> String {
    let (_, rest) = html
        .split_once(&format!("name=\"{name}\" value=\""))
        .expect("the page has the field");
    rest.split('"').next().unwrap().to_owned()
}
