//! What people and programs read when a request cannot even be begun: our words, never a framework's.

use reqwest::header::{ALLOW, CONTENT_TYPE};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::world::TestWorld;

/// What frameworks say.
const RAW: [&str; 5] = [
    "deserialize",
    "Expected request",
    "Failed to",
    "length limit",
    "duplicate field",
];

struct Told {
    status: StatusCode,
    allow: Option<String>,
    html: bool,
    body: String,
}

async fn told(response: reqwest::Result<Response>) -> Told {
    let response = response.unwrap();
    let header = |name| {
        let value = response.headers().get(name);
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let kind = header(CONTENT_TYPE).unwrap_or_default();
    let (status, allow) = (response.status(), header(ALLOW));
    let body = response.text().await.unwrap();
    for raw in RAW {
        assert!(!body.contains(raw), "a framework speaks: {body}");
    }
    Told {
        status,
        allow,
        html: kind.starts_with("text/html"),
        body,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_the_portal_say_in_our_words_what_cannot_be_read() {
    let sky = TestWorld::start().await;
    let portal = &sky.world.up_file().portal;
    let url = |path: &str| portal.join(path).unwrap();
    let twice = sky.http.get(url("login/callback?code=a&code=b&state=c"));
    let untyped = sky.http.post(url("leases")).body("survey=m13");
    let broken = sky
        .http
        .post(url("logout"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("csrf=a&csrf=b");
    let long = sky
        .http
        .post(url("leases"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("a".repeat(70_000));
    let no_text = sky
        .http
        .post(url("leases/%ff/return"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (request, statuses, words) in [
        (twice, &[400][..], "given more than once"),
        (untyped, &[415], "application/x-www-form-urlencoded"),
        (broken, &[400, 422], "given more than once"),
        (long, &[413], "64 KiB"),
        (no_text, &[400], "cannot be read"),
    ] {
        let told = told(request.send().await).await;
        assert!(statuses.contains(&told.status.as_u16()), "{}", told.status);
        assert!(told.html && told.body.contains("That did not work"));
        assert!(told.body.contains(words), "{words}: {}", told.body);
    }
    for (method, path, allow) in [
        ("GET", "leases", "POST"),
        ("POST", "", "GET,HEAD"),
        ("DELETE", "login", "GET,HEAD"),
        ("GET", "leases/lease-0/return", "POST"),
    ] {
        let request = sky.http.request(method.parse().unwrap(), url(path));
        let told = told(request.send().await).await;
        assert_eq!(told.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(told.allow.as_deref(), Some(allow), "{path}");
        assert!(told.html && told.body.contains("does not accept that method"));
    }
    sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_in_json_that_there_is_no_such_method_or_address() {
    let sky = TestWorld::start().await;
    let api = sky.world.up_file().portal.join("api/v1/").unwrap();
    for (method, path, status, code, allow) in [
        (
            "PUT",
            "leases",
            405,
            "method_not_allowed",
            Some("GET,HEAD,POST"),
        ),
        (
            "POST",
            "surveys",
            405,
            "method_not_allowed",
            Some("GET,HEAD"),
        ),
        (
            "GET",
            "leases/lease-0",
            405,
            "method_not_allowed",
            Some("DELETE"),
        ),
        ("GET", "nowhere", 404, "no_such_page", None),
    ] {
        let request = sky
            .http
            .request(method.parse().unwrap(), api.join(path).unwrap());
        let told = told(request.send().await).await;
        assert_eq!(told.status.as_u16(), status, "{method} {path}");
        assert_eq!(told.allow.as_deref(), allow, "{method} {path}");
        let body: Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!(body["error"]["code"], code);
        for field in ["message", "hint"] {
            assert!(!body["error"][field].as_str().unwrap().is_empty());
        }
    }
    let long = sky.http.post(api.join("leases").unwrap());
    let told = told(long.body("a".repeat(70_000)).send().await).await;
    assert_eq!(told.status.as_u16(), 413);
    assert!(told.body.starts_with("{\"error\":"), "{}", told.body);
    sky.world.stop().await;
}
