//! What people and programs read when a request cannot even be begun: our words, never a framework's.

use axum::http::header::ALLOW;

use crate::world::{Answer, Portal};

/// What frameworks say.
const RAW: [&str; 5] = [
    "deserialize",
    "Expected request",
    "Failed to",
    "length limit",
    "duplicate field",
];
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];

async fn call(
    portal: &Portal,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let answer = portal.call(method, path, headers, body).await;
    for raw in RAW {
        assert!(
            !answer.body.contains(raw),
            "a framework speaks: {}",
            answer.body
        );
    }
    answer
}

fn is_page(answer: &Answer) -> bool {
    answer.header("content-type").starts_with("text/html")
}

#[tokio::test]
async fn the_pages_of_the_portal_say_in_our_words_what_cannot_be_read() {
    let portal = Portal::start().await;
    let long = "a".repeat(70_000);
    for (method, path, headers, body, statuses, words) in [
        (
            "GET",
            "/login/callback?code=a&code=b&state=c",
            &[][..],
            "",
            &[400][..],
            "given more than once",
        ),
        (
            "POST",
            "/leases",
            &[],
            "survey=m13",
            &[415],
            "application/x-www-form-urlencoded",
        ),
        (
            "POST",
            "/logout",
            FORM,
            "csrf=a&csrf=b",
            &[400, 422],
            "given more than once",
        ),
        ("POST", "/leases", FORM, &long, &[413], "64 KiB"),
        (
            "POST",
            "/leases/%ff/return",
            FORM,
            "",
            &[400],
            "cannot be read",
        ),
    ] {
        let answer = call(&portal, method, path, headers, body).await;
        assert!(
            statuses.contains(&answer.status.as_u16()),
            "{}",
            answer.status
        );
        assert!(is_page(&answer) && answer.body.contains("That did not work"));
        assert!(answer.body.contains(words), "{words}: {}", answer.body);
    }
    for (method, path, allow) in [
        ("GET", "/leases", "POST"),
        ("POST", "/", "GET,HEAD"),
        ("DELETE", "/login", "GET,HEAD"),
        ("GET", "/leases/lease-0/return", "POST"),
    ] {
        let answer = call(&portal, method, path, &[], "").await;
        assert_eq!(answer.status.as_u16(), 405, "{path}");
        assert_eq!(answer.header(ALLOW.as_str()), allow, "{path}");
        assert!(is_page(&answer) && answer.body.contains("does not accept that method"));
    }
}

#[tokio::test]
async fn the_api_says_in_json_that_there_is_no_such_method_or_address() {
    let portal = Portal::start().await;
    for (method, path, expected, allow) in [
        (
            "PUT",
            "leases",
            (405, "method_not_allowed"),
            "GET,HEAD,POST",
        ),
        ("POST", "surveys", (405, "method_not_allowed"), "GET,HEAD"),
        (
            "GET",
            "leases/lease-0",
            (405, "method_not_allowed"),
            "DELETE",
        ),
        ("GET", "nowhere", (404, "no_such_page"), ""),
    ] {
        let answer = call(&portal, method, &format!("/api/v1/{path}"), &[], "").await;
        assert_eq!(
            answer.error(),
            (expected.0, expected.1.to_owned()),
            "{method} {path}"
        );
        assert_eq!(answer.header(ALLOW.as_str()), allow, "{method} {path}");
        for field in ["message", "hint"] {
            assert!(!answer.json()["error"][field].as_str().unwrap().is_empty());
        }
    }
    let long = "a".repeat(70_000);
    let answer = call(&portal, "POST", "/api/v1/leases", &[], &long).await;
    assert_eq!(answer.status.as_u16(), 413);
    assert!(answer.body.starts_with("{\"error\":"), "{}", answer.body);
}
