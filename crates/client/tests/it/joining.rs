//! A wish to join a group, and what the IAM's no means.

use serde_json::{Value, json};
use skykey_client::{ClientError, Joining};

use crate::portal::{ACCESS, Fake, at};

const ASK: &str = "POST /iam/group_requests";
const LIST: &str = "GET /iam/group_requests";

fn request() -> Value {
    json!({
        "uuid": "1", "username": "ada", "groupName": "m13/readers", "status": "PENDING",
        "notes": "why", "creationTime": at(-3600),
    })
}

fn listed(fake: &Fake, requests: &[Value]) {
    let page = json!({ "totalResults": requests.len(), "Resources": requests });
    fake.set(LIST, 200, page);
}

fn groups(fake: &Fake, groups: &[&str]) {
    let me = json!({ "username": "ada", "groups": groups, "account_end": null, "join_at": "x", "surveys": [] });
    fake.set("GET /api/v1/me", 200, me);
}

async fn ask(fake: &Fake) -> Result<Joining, ClientError> {
    let group = "m13/readers".parse().unwrap();
    fake.logged_in(3600).ask_to_join(&group, "why").await
}

#[tokio::test]
async fn a_wish_to_join_goes_to_the_iam_in_the_persons_name() {
    let fake = Fake::start().await;
    fake.set(ASK, 200, request());
    let Joining::Asked(asked) = ask(&fake).await.unwrap() else {
        panic!("it was not taken down");
    };
    assert_eq!(asked.group, "m13/readers");
    let seen = &fake.seen(ASK)[0];
    assert_eq!(seen.authorization, format!("Bearer {ACCESS}"));
    assert!(seen.body.contains("\"notes\":\"why\""), "{}", seen.body);
    assert!(fake.seen(LIST).is_empty());
}

#[tokio::test]
async fn a_second_wish_finds_the_first_one_waiting() {
    let fake = Fake::start().await;
    let words =
        json!({ "error": "group membership request already exists for [ada, m13/readers]" });
    fake.set(ASK, 400, words);
    listed(&fake, &[request()]);
    let Joining::Waiting(Some(first)) = ask(&fake).await.unwrap() else {
        panic!("it was not found");
    };
    assert_eq!(first.created, Some(at(-3600)));
    // An IAM that does not show it is believed that there is one.
    fake.set(LIST, 403, json!({ "error": "access_denied" }));
    groups(&fake, &[]);
    assert_eq!(ask(&fake).await.unwrap(), Joining::Waiting(None));
}

#[tokio::test]
async fn a_member_is_told_so() {
    let fake = Fake::start().await;
    listed(&fake, &[]);
    fake.set(ASK, 400, json!({ "error": "no, in some new words" }));
    groups(&fake, &["m13/readers"]);
    assert_eq!(ask(&fake).await.unwrap(), Joining::Member);
    // The portal's word may be a moment old.
    groups(&fake, &[]);
    let words = json!({ "error": "User [ada] is already member of the group [m13/readers]" });
    fake.set(ASK, 400, words);
    assert_eq!(ask(&fake).await.unwrap(), Joining::Member);
}

#[tokio::test]
async fn what_is_no_group_is_said_and_what_is_not_understood_is_passed_on() {
    let fake = Fake::start().await;
    listed(&fake, &[]);
    groups(&fake, &[]);
    fake.set(
        ASK,
        400,
        json!({ "error": "invalid membership request: group does not exist" }),
    );
    let error = ask(&fake).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no group called 'm13/readers'");
    assert_eq!(error.code(), "no_such_group");
    fake.set(ASK, 400, json!({ "error": "something else" }));
    let error = ask(&fake).await.unwrap_err();
    assert!(error.to_string().contains("something else"), "{error}");
    fake.set(ASK, 503, json!({}));
    assert!(ask(&fake).await.unwrap_err().is_outage());
}
