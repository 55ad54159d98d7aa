//! Group requests against an INDIGO that answers as it is told.

use serde_json::{Value, json};
use skykey_iam::{GroupRequestFilter, IamError, RequestStatus};
use skykey_types::Secret;

use crate::fake::{Fake, text};

const PATH: &str = "/iam/group_requests";
const TOKEN: &str = "the-token-of-grace";

fn request(id: usize) -> Value {
    json!({ "uuid": id.to_string(), "userUuid": "ada", "username": "ada", "groupName": "lsst", "status": "PENDING", "notes": "please" })
}

fn page(total: usize, ids: std::ops::Range<usize>) -> (u16, Value) {
    let requests: Vec<_> = ids.map(request).collect();
    let body = json!({ "totalResults": total, "itemsPerPage": requests.len(), "startIndex": 1, "Resources": requests });
    (200, body)
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    // One of the first page moves to the second because another came in.
    fake.script(
        PATH,
        vec![page(23, 0..10), page(24, 9..19), page(24, 19..23)],
    );
    let filter = GroupRequestFilter {
        username: Some("ada".to_owned()),
        group: Some("lsst".parse().unwrap()),
        status: Some(RequestStatus::Pending),
    };
    let found = iam
        .group_requests(&Secret::new(TOKEN), &filter)
        .await
        .unwrap();
    let ids: Vec<_> = found.into_iter().map(|request| request.id).collect();
    assert_eq!(ids, (0..23).map(|id| id.to_string()).collect::<Vec<_>>());
    let seen = fake.seen(PATH);
    let starts: Vec<_> = seen
        .iter()
        .map(|seen| seen.query["startIndex"].as_str())
        .collect();
    assert_eq!(starts, ["1", "11", "21"]);
    for (name, value) in [
        ("count", "10"),
        ("username", "ada"),
        ("groupName", "lsst"),
        ("status", "PENDING"),
    ] {
        assert_eq!(seen[0].query[name], value);
    }
}

#[tokio::test]
async fn an_endless_list_ends() {
    let fake = Fake::start().await;
    fake.set(PATH, page(1_000_000, 0..10).0, page(1_000_000, 0..10).1);
    let filter = GroupRequestFilter::default();
    let error = fake
        .iam()
        .group_requests(&Secret::new(TOKEN), &filter)
        .await
        .unwrap_err();
    assert!(text(&error, &[TOKEN]).contains("those of one group"));
    assert_eq!(fake.seen(PATH).len(), 100);
}

#[tokio::test]
async fn a_request_is_made_decided_and_taken_back() {
    let fake = Fake::start().await;
    let (iam, token) = (fake.iam(), Secret::new(TOKEN));
    fake.set(PATH, 200, request(7));
    let made = iam
        .ask_to_join(&token, &"lsst".parse().unwrap(), "please")
        .await
        .unwrap();
    assert_eq!(
        (made.id.as_str(), made.status),
        ("7", RequestStatus::Pending)
    );
    fake.set(&format!("{PATH}/7/approve"), 200, request(7));
    iam.approve(&token, "7").await.unwrap();
    fake.set(&format!("{PATH}/7/reject"), 200, request(7));
    iam.reject(&token, "7", "not & now").await.unwrap();
    assert_eq!(
        fake.seen(&format!("{PATH}/7/reject"))[0].query["motivation"],
        "not & now"
    );
    fake.set(&format!("{PATH}/7"), 204, json!(null));
    iam.withdraw(&token, "7").await.unwrap();
    assert_eq!(fake.seen(&format!("{PATH}/7"))[0].method, "DELETE");
}

#[tokio::test]
async fn a_refusal_says_what_would_help() {
    let fake = Fake::start().await;
    let (iam, token) = (fake.iam(), Secret::new(TOKEN));
    let path = format!("{PATH}/7/approve");
    fake.set(&path, 403, json!({ "error": "insufficient_scope" }));
    let error = iam.approve(&token, "7").await.unwrap_err();
    let words = text(&error, &[TOKEN]);
    assert!(
        words.contains("iam:admin.write") && words.contains("dashboard"),
        "{words}"
    );
    fake.set(
        &path,
        401,
        json!({ "error": "invalid_token", "error_description": TOKEN }),
    );
    let error = iam.approve(&token, "7").await.unwrap_err();
    assert!(matches!(error, IamError::Token { .. }));
    text(&error, &[TOKEN]);
    fake.set(
        PATH,
        400,
        json!({ "error": "Invalid membership request: notes cannot be empty" }),
    );
    let error = iam
        .ask_to_join(&token, &"lsst".parse().unwrap(), " ")
        .await
        .unwrap_err();
    assert_eq!(
        text(&error, &[TOKEN]),
        "cannot ask to join a group: the IAM answered with HTTP 400 (Invalid membership request: notes cannot be empty)"
    );
    fake.set(PATH, 503, json!({}));
    let asked = fake.seen(PATH).len();
    let error = iam
        .ask_to_join(&token, &"lsst".parse().unwrap(), "x")
        .await
        .unwrap_err();
    assert!(error.is_outage());
    assert_eq!(fake.seen(PATH).len(), asked + 1, "it may have been made");
}
