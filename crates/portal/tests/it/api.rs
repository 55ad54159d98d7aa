//! The JSON API: what it answers, and each kind of refusal.

use axum::http::StatusCode;
use serde_json::json;
use skykey_broker::Proof;
use skykey_testkit::broker::Mood;

use crate::world::{Answer, Portal};

/// A call as `who`, with a fresh access token.
async fn call(portal: &Portal, who: &str, method: &str, path: &str, body: &str) -> Answer {
    let token = format!("Bearer {}", portal.access_token(who));
    portal
        .call(method, path, &[("authorization", &token)], body)
        .await
}

/// A request for a lease as `who`.
async fn issue(portal: &Portal, who: &str, body: &serde_json::Value) -> Answer {
    call(portal, who, "POST", "/api/v1/leases", &body.to_string()).await
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_lease_is_issued_listed_and_given_back() {
    let portal = Portal::start().await;
    let me = call(&portal, "bob", "GET", "/api/v1/me", "").await.json();
    assert_eq!(
        (&me["sub"], &me["groups"]),
        (&json!("bob"), &json!(["demo/readers"]))
    );
    let body = json!({ "survey": "demo", "method": "gateway", "lifetime": 3600 });
    let issued = issue(&portal, "bob", &body).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.body);
    assert_eq!(issued.header("cache-control"), "no-store");
    let issued = issued.json();
    let secret = issued["credentials"]["SecretAccessKey"].as_str().unwrap();
    assert_eq!(issued["s3"]["endpoint"], "http://s3.example/");
    let id = issued["lease"]["id"].as_str().unwrap();
    let listed = call(&portal, "bob", "GET", "/api/v1/leases", "").await;
    assert_eq!(listed.json()["leases"][0]["id"], id);
    assert!(!listed.body.contains(secret), "the list has no secrets");
    assert!(
        !call(&portal, "alice", "GET", "/api/v1/leases", "")
            .await
            .body
            .contains(id)
    );
    let path = format!("/api/v1/leases/{id}");
    let given = call(&portal, "bob", "DELETE", &path, "").await;
    assert_eq!(given.status, StatusCode::NO_CONTENT);
    let listed = call(&portal, "bob", "GET", "/api/v1/leases", "")
        .await
        .json();
    assert_ne!(listed["leases"][0]["state"], "live");
}

#[tokio::test]
async fn each_refusal_of_a_lease_has_its_status_and_code() {
    let portal = Portal::start().await;
    for (who, body, expected) in [
        (
            "bob",
            json!({ "survey": "nowhere" }),
            error(404, "no_such_survey"),
        ),
        (
            "bob",
            json!({ "survey": "demo", "method": "magic" }),
            error(400, "bad_method"),
        ),
        (
            "bob",
            json!({ "survey": "plain", "method": "ec2" }),
            error(400, "bad_method"),
        ),
        (
            "bob",
            json!({ "survey": "demo", "access": "all" }),
            error(400, "bad_access"),
        ),
        (
            "bob",
            json!({ "survey": "demo", "key": "mine" }),
            error(400, "bad_key"),
        ),
        (
            "bob",
            json!({ "survey": "demo", "lifetime": 1 }),
            error(400, "bad_lifetime"),
        ),
        (
            "bob",
            json!({ "survey": "demo", "access": "write" }),
            error(403, "not_a_member"),
        ),
        (
            "dave",
            json!({ "survey": "demo" }),
            error(403, "not_a_member"),
        ),
        (
            "nobody",
            json!({ "survey": "demo" }),
            error(403, "account_inactive"),
        ),
        ("bob", json!({}), error(400, "bad_request")),
        ("bob", json!("demo"), error(400, "bad_request")),
    ] {
        let answer = issue(&portal, who, &body).await;
        assert_eq!(answer.error(), expected, "{who}: {body}: {}", answer.body);
        let error = &answer.json()["error"];
        for field in ["message", "hint"] {
            assert!(
                !error[field].as_str().unwrap().is_empty(),
                "{body}: {field}"
            );
        }
    }
    let refused = issue(&portal, "dave", &json!({ "survey": "demo" }))
        .await
        .json();
    assert_eq!(refused["error"]["group"], "demo/readers");
    let missing = call(&portal, "bob", "DELETE", "/api/v1/leases/lease-0", "").await;
    assert_eq!(missing.error(), error(404, "no_such_lease"));
}

#[tokio::test]
async fn a_silent_or_refusing_system_is_no_fault_of_the_caller() {
    let portal = Portal::start().await;
    let body = json!({ "survey": "demo", "method": "sts-lite" });
    portal.world.sts.door.be(Mood::Away);
    assert_eq!(
        issue(&portal, "bob", &body).await.error(),
        error(503, "upstream_away")
    );
    portal.world.sts.door.be(Mood::Refusing);
    assert_eq!(
        issue(&portal, "bob", &body).await.error(),
        error(502, "upstream_refused")
    );
    portal.world.sts.door.be(Mood::Well);
    portal.world.people.door.be(Mood::Away);
    portal.world.wait(3600);
    assert_eq!(
        issue(&portal, "bob", &body).await.error(),
        error(503, "upstream_away")
    );
}

#[tokio::test]
async fn a_survey_that_is_not_proved_read_only_is_not_leased() {
    let portal = Portal::start().await;
    portal
        .world
        .prover
        .find(Proof::Writes(vec!["PutObject".to_owned()]));
    let answer = issue(
        &portal,
        "bob",
        &json!({ "survey": "demo", "method": "sts-lite" }),
    )
    .await;
    assert_eq!(answer.error(), error(503, "not_read_only"));
}

#[tokio::test]
async fn a_machine_reads_and_does_not_write_or_say_twice_who_it_is() {
    let portal = Portal::start().await;
    let token = portal.machine_token("carol");
    let keystone = ("x-auth-token", token.expose());
    let post = async |headers: &[(&str, &str)], body: &str| {
        portal.call("POST", "/api/v1/leases", headers, body).await
    };
    let read = r#"{"survey":"demo","method":"gateway"}"#;
    assert_eq!(post(&[keystone], read).await.status, StatusCode::CREATED);
    let write = r#"{"survey":"demo","method":"gateway","access":"write"}"#;
    assert_eq!(
        post(&[keystone], write).await.error(),
        error(403, "machines_read")
    );
    let person = format!("Bearer {}", portal.access_token("carol"));
    let both = [keystone, ("authorization", person.as_str())];
    assert_eq!(post(&both, read).await.error(), error(400, "bad_request"));
    assert_eq!(
        post(&[keystone, keystone], read).await.error(),
        error(400, "bad_request")
    );
}

#[tokio::test]
async fn an_address_that_sends_many_wrong_keystone_tokens_waits() {
    let portal = Portal::start().await;
    let ask = async |token: &str| {
        let answer = portal
            .call("GET", "/api/v1/me", &[("x-auth-token", token)], "")
            .await;
        answer.status.as_u16()
    };
    let mut tries = 0;
    while ask(&format!("wrong-{tries}")).await == 401 {
        tries += 1;
        assert!(tries < 1000, "nothing stops an address that guesses");
    }
    let good = portal.machine_token("bob");
    assert_eq!(ask(good.expose()).await, 429);
    portal.world.wait(61);
    assert_eq!(ask(good.expose()).await, 200);
}
