//! What the portal refuses, and what is no portal.

use serde_json::json;
use skykey_client::ClientError;

use crate::portal::{ACCESS, Fake, no};

#[tokio::test]
async fn a_refusal_carries_the_portals_words_in_one_line() {
    let fake = Fake::start().await;
    let mut answer = no("not_a_member");
    answer["error"]["message"] = json!("not\n\u{1b}[31m a member");
    fake.set("GET /api/v1/me", 403, answer);
    match fake.logged_in(3600).me().await.unwrap_err() {
        ClientError::Refused {
            status,
            code,
            message,
            hint,
            group: None,
        } => assert_eq!(
            (status, code.as_str(), message.as_str(), hint.as_str()),
            (403, "not_a_member", "not  [31m a member", "ask olive")
        ),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_is_no_portal_is_said_to_be_none() {
    let fake = Fake::start().await;
    for (status, body) in [(200, json!([])), (404, json!("not here")), (302, json!({}))] {
        fake.set("GET /api/v1/site", status, body);
        let error = fake.client().site().await.unwrap_err();
        assert!(error.to_string().contains(&fake.url), "{error}");
        assert!(
            error.hint().contains("is a skykey portal's"),
            "{}",
            error.hint()
        );
    }
}

#[tokio::test]
async fn a_lease_that_is_not_ones_own_cannot_be_given_back() {
    let fake = Fake::start().await;
    let client = fake.logged_in(3600);
    fake.set("DELETE /api/v1/leases/lease-1", 204, json!(""));
    client.give_back("lease-1").await.unwrap();
    fake.set("DELETE /api/v1/leases/lease-2", 404, no("no_such_lease"));
    let error = client.give_back("lease-2").await.unwrap_err();
    assert_eq!(error.code(), "no_such_lease");
    // A name is one segment of the path, whatever is in it.
    let error = client.give_back("../surveys").await.unwrap_err();
    assert_eq!(error.code(), "no_such_page");
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_an_error_without_its_content() {
    let fake = Fake::start().await;
    let client = fake.logged_in(3600);
    let path = fake.folder().join("login.json");
    std::fs::write(&path, format!("{{\"access_token\":\"{ACCESS}\"")).unwrap();
    let error = client.me().await.unwrap_err();
    assert!(matches!(error, ClientError::Spoilt(_)));
    let all = format!("{error} {error:?} {}", error.hint());
    assert!(
        !all.contains(ACCESS) && all.contains("skykey login"),
        "{all}"
    );
}

/// The API's hints are for programs; a person sees the command to run.
#[tokio::test]
async fn a_hint_names_the_command_where_there_is_one() {
    let fake = Fake::start().await;
    let client = fake.logged_in(3600);
    let mut of_a_group = no("not_a_member");
    of_a_group["error"]["group"] = json!("m13/readers");
    for (answer, hint) in [
        (
            no("no_such_survey"),
            "'skykey surveys' lists those that there are",
        ),
        (no("no_such_lease"), "'skykey leases' lists yours"),
        (
            of_a_group,
            "to ask, run 'skykey request m13/readers --note \"…\"'",
        ),
        (no("not_a_member"), "ask olive"),
        (no("bad_lifetime"), "ask olive"),
    ] {
        fake.set("GET /api/v1/me", 400, answer);
        assert_eq!(client.me().await.unwrap_err().hint(), hint);
    }
}
