//! Every route refuses the wrong caller. The requests are derived from the table of routes, so a route
//! that joins it is tried here without a further line, and one beside it fails a test.

use std::path::Path;

use axum::http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use serde_json::json;
use skykey_api::Caller;
use skykey_portal::{Need, Route, routes};
use skykey_testkit::oidc::SigningKey;

use crate::world::{Answer, Portal};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The path of a route, whose parameter is the lease `id`.
fn path_of(route: &Route, id: &str) -> String {
    route.path.replace("{id}", id)
}

/// Whatever a route needs in its body, beside the CSRF token.
const LEASE_FORM: &str = "survey=demo&method=gateway";
const LEASE_JSON: &str = r#"{"survey":"demo","method":"gateway"}"#;

async fn call(
    portal: &Portal,
    route: &Route,
    id: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let path = path_of(route, id);
    portal
        .call(route.method.as_str(), &path, headers, body)
        .await
}

#[tokio::test]
async fn every_form_refuses_whoever_did_not_open_it() {
    let portal = Portal::start().await;
    let lease = portal.lease("bob").await.lease;
    let id = lease.id.as_str();
    let mut bob = portal.logged_in("bob").await;
    let mut alice = portal.logged_in("alice").await;
    let (bobs, alices) = (bob.csrf().await, alice.csrf().await);
    let with = |csrf: &str| format!("csrf={csrf}&{LEASE_FORM}");
    let cookies = bob.cookies();
    let bobs_cookies = (COOKIE.as_str(), cookies.as_str());
    let token = format!("Bearer {}", portal.access_token("bob"));
    let bearer = (AUTHORIZATION.as_str(), token.as_str());
    let elsewhere = (ORIGIN.as_str(), "https://evil.example");
    let forged = (
        COOKIE.as_str(),
        "skykey_portal=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    );
    for route in routes().filter(|route| route.need == Need::Form) {
        for (headers, body, status, what) in [
            (&[FORM][..], LEASE_FORM.to_owned(), 401, "nobody"),
            (&[FORM], with(&bobs), 401, "a token without its session"),
            (&[FORM, bearer], with(&bobs), 401, "an access token"),
            (
                &[FORM, forged],
                with(&bobs),
                401,
                "a session that there is not",
            ),
            (
                &[FORM, bobs_cookies],
                LEASE_FORM.to_owned(),
                403,
                "no CSRF token",
            ),
            (&[FORM, bobs_cookies], with(""), 403, "an empty CSRF token"),
            (
                &[FORM, bobs_cookies],
                with(&alices),
                403,
                "another person's CSRF token",
            ),
            (
                &[FORM, bobs_cookies, elsewhere],
                LEASE_FORM.to_owned(),
                403,
                "another site",
            ),
        ] {
            let answer = call(&portal, &route, id, headers, &body).await;
            assert_eq!(answer.status.as_u16(), status, "{route:?}, {what}");
        }
        let live = portal.world.broker.leases(&lease.subject).await.unwrap();
        assert_eq!(live.len(), 1, "{route:?} changed something");
    }
    // The right caller, so that the above is not true of any request.
    for route in routes().filter(|route| route.need == Need::Form) {
        let mut bob = portal.logged_in("bob").await;
        let issued = bob.submit("/leases", LEASE_FORM).await;
        let (_, after) = issued.body.split_once("lease-").unwrap();
        let length = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap();
        let own = format!("lease-{}", &after[..length]);
        let path = path_of(&route, &own);
        let foreign = alice.submit(&path, LEASE_FORM).await.status.as_u16();
        assert_eq!(
            foreign == 404,
            route.path.contains("{id}"),
            "{route:?}, another person"
        );
        if route.path == "/logout" {
            alice = portal.logged_in("alice").await;
        }
        let own = bob.submit(&path, LEASE_FORM).await.status;
        assert!(own.is_success() || own.is_redirection(), "{route:?}: {own}");
    }
}

#[tokio::test]
async fn a_login_ends_only_in_the_browser_that_began_it() {
    let portal = Portal::start().await;
    for route in routes().filter(|route| route.need == Need::Login) {
        let mut mine = portal.browser();
        let back = mine.begin_login("bob").await;
        assert!(back.starts_with(route.path), "{route:?}");
        let mut other = portal.browser();
        other.begin_login("alice").await;
        let mut none = portal.browser();
        for (browser, path, what) in [
            (&mut none, back.as_str(), "a browser without a login"),
            (&mut other, &back, "a browser with another login"),
        ] {
            let answer = browser.get(path).await;
            assert_eq!(answer.status.as_u16(), 400, "{route:?}, {what}");
            assert!(
                !answer.headers.contains_key("set-cookie"),
                "{route:?}, {what}"
            );
        }
        for query in ["", "?code=a-code", "?code=a-code&state=guessed"] {
            let answer = mine.get(&format!("{}{query}", route.path)).await;
            assert_eq!(answer.status.as_u16(), 400, "{route:?}{query}");
        }
        mine.begin_login("bob").await;
        assert_eq!(
            mine.get(&back).await.status.as_u16(),
            400,
            "the nonce is of another login"
        );
    }
}

fn bearer(token: &str) -> (&str, &str) {
    ("authorization", token)
}

/// The status of an operation, asked for with these headers, on a lease.
async fn ask(portal: &Portal, route: &Route, id: &str, headers: &[(&str, &str)]) -> u16 {
    let answer = call(portal, route, id, headers, LEASE_JSON).await;
    answer.status.as_u16()
}

fn operations() -> impl Iterator<Item = (Route, Caller)> {
    routes().filter_map(|route| match route.need {
        Need::Api(caller) => Some((route, caller)),
        Need::Nothing | Need::Login | Need::Form => None,
    })
}

#[tokio::test]
async fn every_operation_of_the_api_refuses_a_wrong_token() {
    let portal = Portal::start().await;
    let id = portal.lease("bob").await.lease.id.to_string();
    let mut browser = portal.logged_in("bob").await;
    let (cookies, csrf) = (browser.cookies(), browser.csrf().await);
    let forged = SigningKey::new("first").sign(&json!({
        "iss": portal.iam.issuer, "sub": "bob", "aud": "skykey-portal", "exp": 4_000_000_000_i64,
    }));
    let forged = format!("Bearer {forged}");

    for (route, _) in operations() {
        for (headers, what) in [
            (&[][..], "nobody"),
            (
                &[
                    ("cookie", cookies.as_str()),
                    ("x-csrf-token", csrf.as_str()),
                ],
                "a web session",
            ),
            (&[bearer("Bearer wrong")], "a wrong token"),
            (&[bearer("Basic Ym9iOmJvYg==")], "a password"),
            (&[bearer(&forged)], "another key's signature"),
            (&[("x-auth-token", "wrong")], "a wrong Keystone token"),
        ] {
            assert_eq!(
                ask(&portal, &route, &id, headers).await,
                401,
                "{route:?}, {what}"
            );
        }
    }
    portal.world.wait(3601);
    let ended = format!("Bearer {}", portal.access_token("bob"));
    portal.world.wait(3700);
    for (route, caller) in operations() {
        if caller != Caller::NotebookServer {
            let status = ask(&portal, &route, &id, &[bearer(&ended)]).await;
            assert_eq!(status, 401, "{route:?}, an expired token");
        }
    }
}

#[tokio::test]
async fn every_operation_of_the_api_takes_only_its_kind_of_caller() {
    let portal = Portal::start().await;
    let person = format!("Bearer {}", portal.access_token("bob"));
    let carol = format!("Bearer {}", portal.access_token("carol"));
    let machine = portal.machine_token("bob");

    for (route, caller) in operations() {
        let id = portal.lease("bob").await.lease.id.to_string();
        let ask = async |header| ask(&portal, &route, &id, &[header]).await;
        if route.path.contains("{id}") {
            assert_eq!(
                ask(bearer(&carol)).await,
                404,
                "{route:?}, another person's lease"
            );
        }
        for (header, callers, what) in [
            (
                bearer(&person),
                &[Caller::Person, Caller::PersonOrMachine][..],
                "a person",
            ),
            (
                ("x-auth-token", machine.expose()),
                &[Caller::PersonOrMachine],
                "a machine",
            ),
            (
                bearer("Bearer server-of-bob"),
                &[Caller::NotebookServer],
                "a notebook server",
            ),
        ] {
            let status = ask(header).await;
            if callers.contains(&caller) {
                assert!((200..300).contains(&status), "{route:?}, {what}: {status}");
            } else {
                assert_eq!(status, 401, "{route:?}, {what}");
            }
        }
        if caller == Caller::NotebookServer {
            for (token, what) in [
                ("Bearer hand-made-by-bob", "not a server's"),
                ("Bearer server-of-dave", "not a member"),
            ] {
                assert_eq!(ask(bearer(token)).await, 403, "{route:?}, {what}");
            }
        }
    }
}

#[tokio::test]
async fn a_route_takes_its_method_alone_and_what_is_public_needs_nothing() {
    let portal = Portal::start().await;
    for route in routes() {
        let same = routes().filter(|other| other.path == route.path);
        let methods: Vec<&str> = same.map(|other| other.method.as_str()).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let path = path_of(&route, "lease-0");
            let status = portal
                .call(method, &path, &[FORM], "")
                .await
                .status
                .as_u16();
            let is_served = methods.contains(&method);
            assert_eq!(status != 405, is_served, "{method} {path}: {status}");
        }
        if route.need == Need::Nothing {
            let answer = call(&portal, &route, "", &[], "").await;
            let status = answer.status;
            assert!(
                status.is_success() || status.is_redirection(),
                "{route:?}: {status}"
            );
            assert!(
                route.method == axum::http::Method::GET,
                "{route:?} changes something for everybody"
            );
        }
    }
}

/// The router is made of the table, so nothing is served that the tests above do not see.
#[test]
fn no_route_is_made_beside_the_table() {
    let mut found = Vec::new();
    makers_of_routes(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    assert_eq!(
        found,
        ["routes.rs: .route("],
        "a route belongs into routes.rs"
    );
}

/// Where the sources below `folder` make routes.
fn makers_of_routes(folder: &Path, found: &mut Vec<String>) {
    const MAKERS: [&str; 6] = [
        ".route(",
        ".route_service(",
        ".nest(",
        ".nest_service(",
        ".merge(",
        ".fallback_service(",
    ];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            makers_of_routes(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for maker in MAKERS {
            found.extend(text.matches(maker).map(|maker| format!("{name}: {maker}")));
        }
    }
}
