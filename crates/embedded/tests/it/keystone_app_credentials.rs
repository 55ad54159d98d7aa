//! Application credentials.

use axum::http::StatusCode;
use serde_json::json;
use skykey_types::SignedDuration;

use crate::iam_world::{READERS, text};
use crate::keystone_world::{KeystoneWorld, refused, scope};

#[tokio::test]
async fn a_person_makes_lists_and_deletes_one() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let path = format!(
        "/v3/users/{}/application_credentials",
        keystone.user_id(&token).await
    );
    let (id, delegated) = keystone
        .app_credential(&token, json!({"name": "a program"}))
        .await;
    let listed = keystone.get(&path, &token).await.json();
    assert_eq!(listed["application_credentials"][0]["id"], id);
    assert!(listed["application_credentials"][0].get("secret").is_none());
    assert_eq!(
        listed["application_credentials"][0]["roles"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let file = std::fs::read_to_string(keystone.world.dir.path().join("keystone.json")).unwrap();
    assert!(file.contains(&id));
    let one = format!("{path}/{id}");
    assert_eq!(keystone.get(&one, &token).await.status, StatusCode::OK);
    assert_eq!(
        keystone.get("/v3/auth/projects", &delegated).await.status,
        StatusCode::OK
    );
    assert_eq!(
        keystone.delete(&one, &token).await.status,
        StatusCode::NO_CONTENT
    );
    refused(&keystone.get(&one, &token).await, 404);
    refused(&keystone.get("/v3/auth/projects", &delegated).await, 401);
}

#[tokio::test]
async fn it_is_used_by_id_or_by_owner_and_name_and_takes_no_scope() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let path = format!(
        "/v3/users/{}/application_credentials",
        keystone.user_id(&token).await
    );
    let made = keystone
        .post(
            &path,
            &token,
            json!({"application_credential": {"name": "a program", "roles": [{"name": "reader"}]}}),
        )
        .await;
    let credential = made.json()["application_credential"].clone();
    let (id, secret) = (text(&credential["id"]), text(&credential["secret"]));
    let answer = keystone.with_app_credential(&id, &secret).await;
    assert_eq!(
        answer.json()["token"]["roles"],
        json!([credential["roles"][0]])
    );
    assert_eq!(answer.json()["token"]["project"]["name"], "lsst-ro");
    refused(&keystone.with_app_credential(&id, "wrong").await, 401);
    refused(&keystone.with_app_credential("0", &secret).await, 404);
    let login = |owner: &str| {
        let method = json!({"name": "a program", "user": {"name": owner, "domain": {"id": "default"}}, "secret": secret});
        json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential": method}}})
    };
    assert_eq!(
        keystone
            .post("/v3/auth/tokens", "", login("eve"))
            .await
            .status,
        StatusCode::CREATED
    );
    refused(
        &keystone.post("/v3/auth/tokens", "", login("skykey")).await,
        401,
    );
    let mut scoped = login("eve");
    scoped["auth"]["scope"] = scope("lsst-ro");
    refused(&keystone.post("/v3/auth/tokens", "", scoped).await, 401);
}

#[tokio::test]
async fn it_gives_no_more_than_its_owner_has() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let path = format!(
        "/v3/users/{}/application_credentials",
        keystone.user_id(&token).await
    );
    let post = async |body| {
        keystone
            .post(&path, &token, json!({"application_credential": body}))
            .await
    };
    refused(
        &post(json!({"name": "a", "roles": [{"name": "admin"}]})).await,
        400,
    );
    refused(
        &post(json!({"name": "a", "roles": [{"id": "0"}]})).await,
        400,
    );
    refused(&post(json!({"name": "a", "roles": [{}]})).await, 400);
    refused(&post(json!({"name": ""})).await, 400);
    refused(&post(json!({"name": "a", "secret": "mine"})).await, 400);
    refused(
        &post(json!({"name": "a", "access_rules": [{"path": "/"}]})).await,
        400,
    );
    refused(
        &post(json!({"name": "a", "expires_at": "2020-01-01T00:00:00"})).await,
        400,
    );
    assert_eq!(
        post(json!({"name": "a", "access_rules": []})).await.status,
        StatusCode::CREATED
    );
    refused(&post(json!({"name": "a"})).await, 409);
    let (_, delegated) = keystone.app_credential(&token, json!({"name": "b"})).await;
    keystone.leave("eve", READERS).await;
    keystone.federated("eve").await;
    refused(&keystone.get("/v3/auth/projects", &delegated).await, 401);
}

#[tokio::test]
async fn it_ends_when_it_should() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    // The clock stands at 2025-06-15T15:06:40Z.
    let wanted = json!({"name": "a program", "expires_at": "2025-06-15T15:16:40"});
    let (_, delegated) = keystone.app_credential(&token, wanted).await;
    keystone.world.clock.advance(SignedDuration::from_secs(599));
    assert_eq!(
        keystone.get("/v3/auth/projects", &delegated).await.status,
        StatusCode::OK
    );
    keystone.world.clock.advance(SignedDuration::from_secs(1));
    refused(&keystone.get("/v3/auth/projects", &delegated).await, 401);
}

#[tokio::test]
async fn nobody_else_and_no_program_manages_it() {
    let keystone = KeystoneWorld::new();
    let (eve, grace) = (
        keystone.token("eve", "lsst-ro").await,
        keystone.token("grace", "lsst-ro").await,
    );
    let path = format!(
        "/v3/users/{}/application_credentials",
        keystone.user_id(&eve).await
    );
    let (id, delegated) = keystone
        .app_credential(&eve, json!({"name": "a program", "unrestricted": true}))
        .await;
    let body = json!({"application_credential": {"name": "another"}});
    for token in [&grace, &delegated] {
        refused(&keystone.post(&path, token, body.clone()).await, 403);
        refused(&keystone.get(&path, token).await, 403);
        refused(&keystone.delete(&format!("{path}/{id}"), token).await, 403);
    }
    // Not even an administrator makes one for somebody else; without a project there is none.
    refused(
        &keystone
            .post(&path, &keystone.admin().await, body.clone())
            .await,
        403,
    );
    let unscoped = keystone
        .federated("eve")
        .await
        .header("x-subject-token")
        .to_owned();
    refused(&keystone.post(&path, &unscoped, body).await, 403);
}
