//! Memberships: by SCIM, by userinfo.

use serde_json::{Value, json};
use skykey_iam::IamError;
use skykey_iam::MembershipSource::{Auto, Scim, Userinfo};
use skykey_types::{Secret, SignedDuration, SubjectId};

use crate::fake::{Fake, NOW, text};

fn service_token() -> Value {
    json!({ "access_token": "skykeys-own-token", "token_type": "Bearer", "expires_in": 3600, "scope": "scim:read" })
}

fn ada() -> Value {
    json!({
        "id": "ada", "userName": "ada.lovelace", "active": true,
        "groups": [{ "display": "lsst/dr1", "value": "1" }, { "display": "not a group", "value": "2" }],
        "urn:indigo-dc:scim:schemas:IndigoUser": { "endTime": "2027-01-15T09:00:00.000+01:00" },
    })
}

fn id(fake: &Fake, sub: &str) -> SubjectId {
    SubjectId {
        issuer: fake.issuer.clone(),
        sub: sub.to_owned(),
    }
}

#[tokio::test]
async fn scim_tells_groups_and_the_accounts_end() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    fake.set("/token", 200, service_token());
    fake.set("/scim/Users/ada", 200, ada());
    for _ in 0..3 {
        let person = iam.person("ada").await.unwrap().unwrap();
        assert_eq!(person.id, id(&fake, "ada"));
        assert_eq!(person.username, "ada.lovelace");
        assert_eq!(person.groups.len(), 1);
        assert!(person.is_in_any(&["lsst/dr1".parse().unwrap()]) && person.active);
        assert_eq!(person.account_end.unwrap().as_second(), 1_800_000_000);
    }
    assert_eq!(fake.seen("/token").len(), 1, "the token is kept");
    assert_eq!(
        fake.seen("/scim/Users/ada")[0].authorization,
        "Bearer skykeys-own-token"
    );
    fake.clock.advance(SignedDuration::from_secs(3540));
    iam.person("ada").await.unwrap();
    assert_eq!(fake.seen("/token").len(), 2, "renewed a minute early");
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
    let nobody = json!({ "schemas": schemas, "status": "404", "detail": "no such user" });
    fake.set("/scim/Users/nobody", 404, nobody);
    assert_eq!(iam.person("nobody").await.unwrap(), None);
    // Another 404 is not SCIM's: it may be that of whoever stands before the IAM.
    let error = iam.person("page").await.unwrap_err();
    assert!(text(&error, &[]).contains("not SCIM's own"));
    fake.set(
        "/scim/Users/ada",
        200,
        json!({ "id": "eve", "userName": "eve" }),
    );
    let error = iam.person("ada").await.unwrap_err();
    assert!(text(&error, &[]).contains("somebody else"));
}

#[tokio::test]
async fn a_service_token_that_is_refused_early_is_made_again_once() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    fake.set("/token", 200, service_token());
    let refused = (
        401,
        json!({ "error": "invalid_token", "error_description": "skykeys-own-token" }),
    );
    fake.script("/scim/Users/ada", vec![refused.clone(), (200, ada())]);
    assert!(iam.person("ada").await.unwrap().is_some());
    assert_eq!(fake.seen("/token").len(), 2);
    fake.script("/scim/Users/ada", vec![refused]);
    let error = iam.person("ada").await.unwrap_err();
    text(&error, &["skykeys-own-token"]);
    assert_eq!(fake.seen("/scim/Users/ada").len(), 4);
}

#[tokio::test]
async fn a_client_without_scim_read_is_told_what_to_ask_the_site_for() {
    let fake = Fake::start().await;
    let refusals = [
        (400, json!({ "error": "invalid_scope" }), 403, json!({})),
        (
            401,
            json!({ "error": "unauthorized_client" }),
            403,
            json!({}),
        ),
        (
            200,
            json!({ "access_token": "x", "scope": "openid" }),
            403,
            json!({}),
        ),
        (200, service_token(), 403, json!({ "detail": "no" })),
        (
            200,
            service_token(),
            401,
            json!({ "error": "insufficient_scope" }),
        ),
    ];
    for (token, token_body, scim, scim_body) in refusals {
        let iam = fake.iam();
        fake.set("/token", token, token_body);
        fake.set("/scim/Users/ada", scim, scim_body);
        let error = iam.person("ada").await.unwrap_err();
        assert!(matches!(error, IamError::NotGranted { .. }), "{error:?}");
        let error = text(&error, &[]);
        for words in ["scim:read", "'skykey'", "'userinfo'"] {
            assert!(error.contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn userinfo_tells_groups_of_whose_token_it_is() {
    let fake = Fake::start().await;
    let iam = fake.iam_with(|settings| {
        settings.groups = "wlcg".parse().unwrap();
        settings.account_end = Some("account_end".to_owned());
    });
    let token = Secret::new("adas-own-token");
    let claims = json!({ "sub": "ada", "preferred_username": "al", "wlcg.groups": ["/lsst/dr1"], "account_end": NOW });
    fake.set("/userinfo", 200, claims);
    let ada = id(&fake, "ada");
    let person = iam.person_by_userinfo(&ada, &token).await.unwrap().unwrap();
    assert!(person.is_in_any(&["lsst/dr1".parse().unwrap()]) && person.active);
    assert_eq!(
        (person.username.as_str(), person.id.sub.as_str()),
        ("al", "ada")
    );
    assert_eq!(person.account_end.unwrap().as_second(), NOW);
    assert_eq!(
        fake.seen("/userinfo")[0].authorization,
        "Bearer adas-own-token"
    );
    fake.set("/userinfo", 200, json!({ "sub": "ada" }));
    let person = iam.person_by_userinfo(&ada, &token).await.unwrap().unwrap();
    assert!(person.groups.is_empty() && person.username == "ada");
    let other = id(&fake, "eve");
    let error = iam.person_by_userinfo(&other, &token).await.unwrap_err();
    assert!(text(&error, &["adas-own-token"]).contains("somebody else"));
    for (status, body) in [(401, json!({ "error": "invalid_token" })), (401, json!({}))] {
        fake.set("/userinfo", status, body);
        let error = iam.person_by_userinfo(&ada, &token).await.unwrap_err();
        assert!(matches!(error, IamError::Token { .. }), "{error:?}");
    }
    fake.set("/userinfo", 404, json!({}));
    assert_eq!(iam.person_by_userinfo(&ada, &token).await.unwrap(), None);
    for bad in [
        json!({ "sub": "ada", "wlcg.groups": 7 }),
        json!({ "sub": "ada", "account_end": "x" }),
        json!([]),
    ] {
        fake.set("/userinfo", 200, bad);
        let error = iam.person_by_userinfo(&ada, &token).await.unwrap_err();
        assert!(matches!(error, IamError::Unexpected { .. }), "{error:?}");
    }
    fake.set("/userinfo", 502, json!({}));
    let error = iam.person_by_userinfo(&ada, &token).await.unwrap_err();
    assert!(error.is_outage());
}

#[tokio::test]
async fn the_source_follows_from_what_the_iam_offers() {
    let fake = Fake::start().await;
    let source = async |membership| {
        let iam = fake.iam_with(|settings| settings.membership = membership);
        iam.membership_source().await.unwrap()
    };
    assert_eq!(source(Auto).await, Scim);
    assert_eq!(source(Userinfo).await, Userinfo);
    let mut discovery = fake.discovery();
    discovery.as_object_mut().unwrap().remove("scim_endpoint");
    fake.set("/.well-known/openid-configuration", 200, discovery);
    assert_eq!(source(Auto).await, Userinfo);
    assert_eq!(source(Scim).await, Scim);
    let error = fake.iam().person("ada").await.unwrap_err();
    assert!(text(&error, &[]).contains("names no scim_endpoint"));
}

#[tokio::test]
async fn groups_are_listed_page_by_page() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    fake.set("/token", 200, service_token());
    let page = |names: &[&str]| {
        let groups: Vec<Value> = names
            .iter()
            .map(|name| json!({ "displayName": name }))
            .collect();
        (200, json!({ "totalResults": 3, "Resources": groups }))
    };
    fake.script(
        "/scim/Groups",
        vec![page(&["lsst", "lsst/dr1"]), page(&["not a group"])],
    );
    let groups: Vec<String> = iam
        .groups()
        .await
        .unwrap()
        .into_iter()
        .map(String::from)
        .collect();
    assert_eq!(groups, ["lsst", "lsst/dr1"]);
    let starts: Vec<String> = fake
        .seen("/scim/Groups")
        .iter()
        .map(|seen| seen.query["startIndex"].clone())
        .collect();
    assert_eq!(starts, ["1", "3"]);
}

#[tokio::test]
async fn groups_that_never_end_are_an_error_and_a_scope_that_is_missing_is_named() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    fake.set("/token", 200, service_token());
    let endless = json!({ "totalResults": 1_000_000, "Resources": [{ "displayName": "a" }] });
    fake.set("/scim/Groups", 200, endless);
    let error = iam.groups().await.unwrap_err();
    assert!(text(&error, &[]).contains("more than"), "{error}");
    fake.set(
        "/scim/Groups",
        403,
        json!({ "error": "insufficient_scope" }),
    );
    let error = iam.groups().await.unwrap_err();
    assert!(matches!(error, IamError::NotGranted { .. }), "{error}");
    assert!(text(&error, &[]).contains("list the groups by SCIM"));
}

#[tokio::test]
async fn a_client_that_the_iam_does_not_know_is_found_out_with_scim_and_without() {
    let fake = Fake::start().await;
    let unknown = json!({ "error": "invalid_client" });
    fake.set("/token", 401, unknown.clone());
    let error = fake
        .iam_with(|settings| settings.membership = Scim)
        .check_client()
        .await
        .unwrap_err();
    assert!(text(&error, &[]).contains("invalid_client"), "{error}");
    fake.set("/token", 400, json!({ "error": "invalid_scope" }));
    fake.iam_with(|settings| settings.membership = Scim)
        .check_client()
        .await
        .unwrap();
    let by_userinfo = fake.iam_with(|settings| settings.membership = Userinfo);
    fake.set("/introspect", 401, unknown);
    let error = by_userinfo.check_client().await.unwrap_err();
    assert!(text(&error, &[]).contains("invalid_client"), "{error}");
    fake.set("/introspect", 200, json!({ "active": false }));
    by_userinfo.check_client().await.unwrap();
}
