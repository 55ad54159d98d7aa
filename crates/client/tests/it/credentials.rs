//! Credentials: kept, looked after, replaced in time.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use skykey_client::{CredentialsRequest, GrantedLease};

use crate::portal::{Fake, SECRET_KEY, granted, lease, no};

const LEASE: &str = "POST /api/v1/leases";
const LIST: &str = "GET /api/v1/leases";

fn wish() -> CredentialsRequest {
    CredentialsRequest {
        survey: "m13".parse().unwrap(),
        lifetime: None,
    }
}

fn key(granted: &GrantedLease) -> &str {
    granted.credentials.access_key_id.as_str()
}

async fn world() -> Fake {
    let fake = Fake::start().await;
    fake.script(
        LEASE,
        vec![(201, granted("1", 3600)), (201, granted("2", 7200))],
    );
    fake.set(
        LIST,
        200,
        json!({ "leases": [lease("1", 3600, "live"), lease("2", 7200, "live")] }),
    );
    fake
}

#[tokio::test]
async fn the_same_are_handed_out_until_20_minutes_are_left() {
    let fake = world().await;
    let client = fake.logged_in(100_000);
    let first = client.credentials(&wish()).await.unwrap();
    assert_eq!(key(&first), "AK-1");
    assert_eq!(first.credentials.secret_access_key.expose(), SECRET_KEY);
    assert_eq!(first.credentials.expiration, first.lease.expires);
    assert_eq!(first.place.prefixes, ["m13/"]);
    fake.later(2399);
    assert_eq!(
        key(&fake.client().credentials(&wish()).await.unwrap()),
        "AK-1"
    );
    fake.later(1);
    assert_eq!(key(&client.credentials(&wish()).await.unwrap()), "AK-2");
    assert_eq!(fake.seen(LEASE).len(), 2);
    assert_eq!(fake.seen(LEASE)[0].body, r#"{"survey":"m13"}"#);
}

#[tokio::test]
async fn they_are_kept_for_one_pair_of_eyes() {
    let fake = world().await;
    fake.logged_in(100_000).credentials(&wish()).await.unwrap();
    let leases = fake.folder().join("leases");
    for entry in std::fs::read_dir(&leases).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let mode = std::fs::metadata(&leases).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn many_who_ask_at_once_get_one_lease() {
    let fake = world().await;
    fake.logged_in(100_000);
    let clients = [fake.client(), fake.client(), fake.client()];
    let asked = [wish(), wish(), wish()];
    let (one, two, three) = tokio::join!(
        clients[0].credentials(&asked[0]),
        clients[1].credentials(&asked[1]),
        clients[2].credentials(&asked[2])
    );
    for granted in [one, two, three] {
        assert_eq!(key(&granted.unwrap()), "AK-1");
    }
    assert_eq!(fake.seen(LEASE).len(), 1);
}

#[tokio::test]
async fn another_lifetime_is_another_lease() {
    let fake = world().await;
    let client = fake.logged_in(100_000);
    client.credentials(&wish()).await.unwrap();
    let longer = CredentialsRequest {
        lifetime: Some(7200),
        ..wish()
    };
    assert_eq!(key(&client.credentials(&longer).await.unwrap()), "AK-2");
    assert_eq!(
        fake.seen(LEASE)[1].body,
        r#"{"lifetime":7200,"survey":"m13"}"#
    );
}

#[tokio::test]
async fn a_lease_is_looked_after_as_often_as_the_portal_looks() {
    let fake = world().await;
    let client = fake.logged_in(100_000);
    client.credentials(&wish()).await.unwrap();
    fake.later(29);
    client.credentials(&wish()).await.unwrap();
    assert_eq!(fake.seen(LIST).len(), 0);
    fake.later(1);
    client.credentials(&wish()).await.unwrap();
    client.credentials(&wish()).await.unwrap();
    assert_eq!(fake.seen(LIST).len(), 1);
}

#[tokio::test]
async fn a_removed_person_gets_the_reason_and_no_credentials() {
    let fake = world().await;
    let client = fake.logged_in(100_000);
    client.credentials(&wish()).await.unwrap();
    fake.later(30);
    fake.set(
        LIST,
        200,
        json!({ "leases": [lease("1", 3600, "removed")] }),
    );
    fake.set(LEASE, 403, no("not_a_member"));
    for _ in 0..2 {
        let error = client.credentials(&wish()).await.unwrap_err();
        assert_eq!(
            (
                error.code(),
                error.to_string().as_str(),
                error.hint().as_str()
            ),
            ("not_a_member", "no: not_a_member", "ask olive")
        );
    }
    // None of their credentials stay on the disk.
    assert!(!fake.folder().join("leases/m13.json").exists());
    // Back in the group.
    fake.set(LEASE, 201, granted("2", 7200));
    assert_eq!(key(&client.credentials(&wish()).await.unwrap()), "AK-2");
}

#[tokio::test]
async fn while_the_portal_is_away_kept_ones_go_on_to_their_end() {
    let fake = world().await;
    let client = fake.logged_in(100_000);
    client.credentials(&wish()).await.unwrap();
    fake.set(LIST, 503, no("upstream_away"));
    fake.set(LEASE, 503, no("upstream_away"));
    fake.later(30);
    assert_eq!(key(&client.credentials(&wish()).await.unwrap()), "AK-1");
    fake.later(3569);
    assert_eq!(key(&client.credentials(&wish()).await.unwrap()), "AK-1");
    fake.later(1);
    let error = client.credentials(&wish()).await.unwrap_err();
    assert_eq!(error.code(), "upstream_away");
}

#[tokio::test]
async fn a_spoilt_file_of_credentials_is_replaced() {
    let fake = world().await;
    let client = fake.logged_in(100_000);
    std::fs::create_dir_all(fake.folder().join("leases")).unwrap();
    std::fs::write(fake.folder().join("leases/m13.json"), "{").unwrap();
    assert_eq!(key(&client.credentials(&wish()).await.unwrap()), "AK-1");
}

#[tokio::test]
async fn after_a_refusal_at_the_store_the_portal_is_asked_at_once() {
    let fake = world().await;
    let client = fake.logged_in(100_000);
    let first = client.credentials(&wish()).await.unwrap();
    let refused = &first.credentials.access_key_id;
    // Live: the refusal has another reason.
    let same = client.credentials_after_refusal(&wish(), refused).await;
    assert_eq!(key(&same.unwrap()), "AK-1");
    assert_eq!(fake.seen(LIST).len(), 1);
    fake.set(
        LIST,
        200,
        json!({ "leases": [lease("1", 3600, "returned"), lease("2", 7200, "live")] }),
    );
    let other = client.credentials_after_refusal(&wish(), refused).await;
    assert_eq!(key(&other.unwrap()), "AK-2");
    // A later caller with the old credentials gets those that another has fetched.
    let other = client.credentials_after_refusal(&wish(), refused).await;
    assert_eq!(key(&other.unwrap()), "AK-2");
    assert_eq!((fake.seen(LEASE).len(), fake.seen(LIST).len()), (2, 2));
}

#[tokio::test]
async fn credentials_that_write_are_not_kept() {
    let fake = world().await;
    let client = fake.logged_in(100_000);
    let survey = wish().survey;
    let granted = client.lease_to_write(&survey).await.unwrap();
    assert_eq!(key(&granted), "AK-1");
    assert_eq!(
        fake.seen(LEASE)[0].body,
        r#"{"access":"write","survey":"m13"}"#
    );
    assert!(!fake.folder().join("leases").exists());
    fake.set(LEASE, 403, no("not_a_curator"));
    let error = client.lease_to_write(&survey).await.unwrap_err();
    assert_eq!(error.code(), "not_a_curator");
}
