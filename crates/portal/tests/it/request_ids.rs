//! Every entry of the audit has the id of the request that it answers.

use axum::http::StatusCode;
use serde_json::json;

use crate::world::{Answer, Portal};

/// Checks that the newest entry of the audit is this decision, made for that request.
async fn written_down(portal: &Portal, answer: &Answer, action: &str, outcome: &str) {
    let newest = portal.world.newest_audit().await;
    assert_eq!(
        (newest.action.as_str(), newest.outcome.as_str()),
        (action, outcome)
    );
    assert_eq!(
        newest.request_id.as_deref(),
        Some(answer.request_id.as_str()),
        "{action} {outcome}"
    );
}

#[tokio::test]
async fn a_pages_decisions_have_its_request_id() {
    let portal = Portal::start().await;
    let mut browser = portal.logged_in("bob").await;
    let granted = browser
        .submit("/leases", "survey=demo&method=gateway")
        .await;
    assert_eq!(granted.status, StatusCode::OK, "{}", granted.body);
    written_down(&portal, &granted, "issue", "yes").await;
    // The same session: the id is the request's, not the login's.
    for form in ["survey=demo&method=pigeon", "survey=demo&access=write"] {
        let refused = browser.submit("/leases", form).await;
        assert!(refused.status.is_client_error(), "{form}");
        written_down(&portal, &refused, "issue", "no").await;
    }
    let unknown = browser.submit("/leases/lease-none/return", "").await;
    assert!(unknown.status.is_client_error(), "{}", unknown.body);
    written_down(&portal, &unknown, "give-back", "no").await;
    let leases = portal
        .world
        .broker
        .leases(&portal.world.caller("bob").id)
        .await;
    let path = format!("/leases/{}/return", leases.unwrap()[0].id);
    let returned = browser.submit(&path, "").await;
    assert_eq!(returned.status, StatusCode::SEE_OTHER, "{}", returned.body);
    written_down(&portal, &returned, "revoke", "yes").await;
}

#[tokio::test]
async fn a_machines_decisions_have_the_request_id_and_not_that_of_its_first_request() {
    let portal = Portal::start().await;
    let token = portal.machine_token("bob");
    let ask = async |access: &str| {
        let body = json!({ "survey": "demo", "method": "gateway", "access": access }).to_string();
        let headers = [("x-auth-token", token.expose())];
        portal.call("POST", "/api/v1/leases", &headers, &body).await
    };
    for _ in 0..2 {
        let granted = ask("read").await;
        assert_eq!(granted.status, StatusCode::CREATED, "{}", granted.body);
        written_down(&portal, &granted, "machine", "yes").await;
        let refused = ask("write").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
        written_down(&portal, &refused, "issue", "no").await;
    }
}

#[tokio::test]
async fn a_notebook_servers_decisions_have_its_request_id() {
    let portal = Portal::start().await;
    let ask = async |who: &str| {
        let authorization = format!("Bearer server-of-{who}");
        let headers = [("authorization", authorization.as_str())];
        let path = "/jupyter/credentials?survey=demo";
        portal.call("GET", path, &headers, "").await
    };
    let granted = ask("bob").await;
    assert_eq!(granted.status, StatusCode::OK, "{}", granted.body);
    written_down(&portal, &granted, "issue", "yes").await;
    let refused = ask("dave").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    written_down(&portal, &refused, "issue", "no").await;
}
