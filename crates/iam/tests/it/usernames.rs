//! Whose a login name is.

use serde_json::{Value, json};
use skykey_types::SignedDuration;

use crate::fake::Fake;

const USERS: &str = "/scim/Users";

fn list(total: usize, names: &[(&str, &str)]) -> Value {
    let found: Vec<Value> = names
        .iter()
        .map(|(id, name)| json!({ "id": id, "userName": name }))
        .collect();
    json!({ "totalResults": total, "Resources": found })
}

async fn with_token() -> Fake {
    let fake = Fake::start().await;
    let token = json!({ "access_token": "x", "expires_in": 36000, "scope": "scim:read" });
    fake.set("/token", 200, token);
    fake
}

fn query<'a>(seen: &'a crate::fake::Seen, name: &str) -> &'a str {
    seen.query.get(name).map_or("", String::as_str)
}

#[tokio::test]
async fn an_iam_that_filters_is_asked_for_the_one_name_and_not_again_for_an_hour() {
    let fake = with_token().await;
    let iam = fake.iam();
    fake.set(USERS, 200, list(1, &[("sub-of-ada", "Ada")]));
    for _ in 0..2 {
        let id = iam.by_username("ada").await.unwrap().unwrap();
        assert_eq!(
            (id.issuer.as_str(), id.sub.as_str()),
            (iam.issuer(), "sub-of-ada")
        );
    }
    let seen = fake.seen(USERS);
    assert_eq!(seen.len(), 1);
    assert_eq!(query(&seen[0], "filter"), "userName eq \"ada\"");
    fake.clock.advance(SignedDuration::from_hours(1));
    fake.set(USERS, 200, list(1, &[("sub-of-another-ada", "ada")]));
    let id = iam.by_username("ada").await.unwrap().unwrap();
    assert_eq!(id.sub, "sub-of-another-ada");
}

/// One at a time, the last of a class of hundreds would wait for all the others.
#[tokio::test]
async fn an_iam_that_filters_is_asked_for_several_names_at_once() {
    let fake = with_token().await;
    let iam = fake.iam();
    fake.set(USERS, 200, list(0, &[]));
    assert_eq!(iam.by_username("nobody").await.unwrap(), None);
    fake.answer_together(USERS, 3);
    let iam = std::sync::Arc::new(iam);
    let mut asking = tokio::task::JoinSet::new();
    for name in ["a", "b", "c"] {
        let iam = iam.clone();
        asking.spawn(async move { iam.by_username(name).await.unwrap() });
    }
    let all = tokio::time::timeout(std::time::Duration::from_secs(10), asking.join_all());
    assert_eq!(all.await.unwrap(), [None, None, None]);
}

#[tokio::test]
async fn a_quote_in_a_name_stays_in_the_name() {
    let fake = with_token().await;
    let iam = fake.iam();
    fake.set(USERS, 200, list(0, &[]));
    let name = r#"a" or userName eq "b\"#;
    assert_eq!(iam.by_username(name).await.unwrap(), None);
    let asked = fake.seen(USERS);
    let quoted = r#"userName eq "a\" or username eq \"b\\""#;
    assert_eq!(query(&asked[0], "filter"), quoted);
}

#[tokio::test]
async fn where_the_filter_is_refused_or_ignored_all_accounts_are_listed_once() {
    for first in [
        (400, json!({ "detail": "filters are not supported" })),
        (200, list(3, &[("1", "a"), ("2", "b")])),
    ] {
        let fake = with_token().await;
        let iam = fake.iam();
        let pages = vec![
            first,
            (200, list(3, &[("1", "a"), ("2", "b")])),
            (200, list(3, &[("3", "Ada")])),
        ];
        fake.script(USERS, pages);
        assert_eq!(iam.by_username("ada").await.unwrap().unwrap().sub, "3");
        assert_eq!(iam.by_username("b").await.unwrap().unwrap().sub, "2");
        assert_eq!(iam.by_username("nobody").await.unwrap(), None);
        let seen = fake.seen(USERS);
        let starts: Vec<&str> = seen.iter().map(|seen| query(seen, "startIndex")).collect();
        assert_eq!(starts, ["", "1", "3"]);
    }
}

#[tokio::test]
async fn a_name_that_two_accounts_have_is_nobodys() {
    let fake = with_token().await;
    fake.set(USERS, 200, list(2, &[("1", "Ada"), ("2", "ada")]));
    assert_eq!(fake.iam().by_username("ada").await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_name_is_nobodys_and_an_outage_is_an_error() {
    let fake = with_token().await;
    let iam = fake.iam();
    for name in ["", "a\nb", &"x".repeat(129)] {
        assert_eq!(iam.by_username(name).await.unwrap(), None);
    }
    assert_eq!(fake.seen(USERS).len(), 0);
    fake.set(USERS, 503, json!({}));
    assert!(iam.by_username("ada").await.unwrap_err().is_outage());
}
