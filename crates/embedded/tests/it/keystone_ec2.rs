//! EC2 credentials: who may make, see and delete them.

use axum::http::StatusCode;
use serde_json::json;
use skykey_sigv4::sha256_hex;

use crate::iam_world::{READERS, text};
use crate::keystone_world::{CURATORS, KeystoneWorld, ec2_path, refused};

#[tokio::test]
async fn a_member_makes_lists_shows_and_deletes_a_credential() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let (user, project) = (
        keystone.user_id(&token).await,
        keystone.project_id("lsst-ro").await,
    );
    let (access, secret) = keystone.ec2(&token, "lsst-ro").await;
    assert!(access.len() == 32 && secret.len() == 32 && access != secret);
    let listed = keystone.get(&ec2_path(&user), &token).await.json();
    let [credential] = listed["credentials"].as_array().unwrap().as_slice() else {
        panic!("{listed}");
    };
    assert_eq!(credential["access"], access);
    assert_eq!(credential["secret"], secret);
    assert_eq!(credential["user_id"], user);
    assert_eq!(credential["tenant_id"], project);
    assert!(credential["trust_id"].is_null());
    let one = format!("{}/{access}", ec2_path(&user));
    assert_eq!(
        keystone.get(&one, &token).await.json()["credential"],
        *credential
    );
    assert_eq!(
        keystone.delete(&one, &token).await.status,
        StatusCode::NO_CONTENT
    );
    refused(&keystone.get(&one, &token).await, 404);
    refused(&keystone.delete(&one, &token).await, 404);
}

#[tokio::test]
async fn secrets_are_sealed_on_the_disk_and_open_after_a_restart() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let (access, secret) = keystone.ec2(&token, "lsst-ro").await;
    let file = std::fs::read_to_string(keystone.world.dir.path().join("keystone.json")).unwrap();
    assert!(file.contains(&access) && !file.contains(&secret));
    let keystone = keystone.restarted();
    let token = keystone.token("eve", "lsst-ro").await;
    let path = ec2_path(&keystone.user_id(&token).await);
    assert_eq!(
        keystone.get(&path, &token).await.json()["credentials"][0]["secret"],
        secret
    );
}

#[tokio::test]
async fn the_project_must_be_one_that_the_user_is_a_member_of() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let path = ec2_path(&keystone.user_id(&token).await);
    let foreign = json!({"tenant_id": keystone.project_id("lsst").await});
    refused(&keystone.post(&path, &token, foreign).await, 403);
    refused(
        &keystone
            .post(&path, &token, json!({"tenant_id": "0"}))
            .await,
        404,
    );
    refused(&keystone.post(&path, &token, json!({})).await, 400);
    // A member of both may use a token of one for the other.
    keystone.join("eve", CURATORS).await;
    let token = keystone.token("eve", "lsst-ro").await;
    keystone.ec2(&token, "lsst").await;
}

#[tokio::test]
async fn without_the_role_member_in_the_tokens_project_nothing_is_made_or_deleted() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let (user, project) = (
        keystone.user_id(&token).await,
        keystone.project_id("lsst-ro").await,
    );
    let (access, _) = keystone.ec2(&token, "lsst-ro").await;
    let unscoped = keystone
        .federated("eve")
        .await
        .header("x-subject-token")
        .to_owned();
    let body = json!({"tenant_id": project});
    refused(&keystone.post(&ec2_path(&user), &unscoped, body).await, 403);
    refused(
        &keystone
            .delete(&format!("{}/{access}", ec2_path(&user)), &unscoped)
            .await,
        403,
    );
    let reader = keystone.token("onlooker", "lsst").await;
    let body = json!({"tenant_id": keystone.project_id("lsst").await});
    let path = ec2_path(&keystone.user_id(&reader).await);
    refused(&keystone.post(&path, &reader, body.clone()).await, 403);
    refused(&keystone.post(&path, "", body).await, 401);
}

#[tokio::test]
async fn a_person_acts_on_their_own_credentials_only() {
    let keystone = KeystoneWorld::new();
    let (eve, grace) = (
        keystone.token("eve", "lsst-ro").await,
        keystone.token("grace", "lsst-ro").await,
    );
    let (access, secret) = keystone.ec2(&eve, "lsst-ro").await;
    let eves = ec2_path(&keystone.user_id(&eve).await);
    let graces = ec2_path(&keystone.user_id(&grace).await);
    let body = json!({"tenant_id": keystone.project_id("lsst-ro").await});
    for answer in [
        keystone.get(&eves, &grace).await,
        keystone.post(&eves, &grace, body).await,
        keystone.get(&format!("{eves}/{access}"), &grace).await,
        keystone.delete(&format!("{eves}/{access}"), &grace).await,
    ] {
        refused(&answer, 403);
        assert!(!answer.body.contains(&secret));
    }
    // Under one's own name, somebody else's is not there.
    refused(
        &keystone.get(&format!("{graces}/{access}"), &grace).await,
        404,
    );
    refused(
        &keystone.delete(&format!("{graces}/{access}"), &grace).await,
        404,
    );
    assert_eq!(
        keystone.get(&format!("{eves}/{access}"), &eve).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_administrator_makes_and_deletes_them_for_members() {
    let keystone = KeystoneWorld::new();
    let admin = keystone.admin().await;
    let eves = ec2_path(
        &keystone
            .user_id(&keystone.token("eve", "lsst-ro").await)
            .await,
    );
    let body = json!({"tenant_id": keystone.project_id("lsst-ro").await});
    let made = keystone.post(&eves, &admin, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let foreign = json!({"tenant_id": keystone.project_id("lsst").await});
    refused(&keystone.post(&eves, &admin, foreign.clone()).await, 403);
    refused(&keystone.post(&ec2_path("0"), &admin, foreign).await, 404);
    let path = format!("{eves}/{}", text(&made.json()["credential"]["access"]));
    assert_eq!(
        keystone.delete(&path, &admin).await.status,
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn the_stored_form_is_for_administrators() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let (access, secret) = keystone.ec2(&eve, "lsst-ro").await;
    let path = format!("/v3/credentials/{}", sha256_hex(access.as_bytes()));
    let admin = keystone.admin().await;
    let answer = keystone.get(&path, &admin).await.json();
    let credential = &answer["credential"];
    assert_eq!(credential["type"], "ec2");
    assert_eq!(credential["user_id"], keystone.user_id(&eve).await);
    assert_eq!(
        credential["project_id"],
        keystone.project_id("lsst-ro").await
    );
    let blob: serde_json::Value = serde_json::from_str(&text(&credential["blob"])).unwrap();
    assert_eq!(
        (text(&blob["access"]), text(&blob["secret"])),
        (access, secret)
    );
    refused(&keystone.get(&path, &eve).await, 403);
    refused(
        &keystone
            .get(&path, &keystone.token("rgw", "service").await)
            .await,
        403,
    );
    refused(&keystone.get(&path, "").await, 401);
    refused(&keystone.get("/v3/credentials/0", &admin).await, 404);
}

#[tokio::test]
async fn tokens_of_application_credentials_do_not_reach_credentials() {
    let keystone = KeystoneWorld::new();
    for (username, project) in [("eve", "lsst-ro"), ("skykey-s3", "service")] {
        let token = keystone.token(username, project).await;
        let user = keystone.user_id(&token).await;
        let wanted = json!({"name": "a program", "unrestricted": true});
        let (_, delegated) = keystone.app_credential(&token, wanted).await;
        let body = json!({"tenant_id": keystone.project_id(project).await});
        for answer in [
            keystone.post(&ec2_path(&user), &delegated, body).await,
            keystone.get(&ec2_path(&user), &delegated).await,
            keystone
                .get(&format!("{}/0", ec2_path(&user)), &delegated)
                .await,
            keystone
                .delete(&format!("{}/0", ec2_path(&user)), &delegated)
                .await,
            keystone.get("/v3/credentials/0", &delegated).await,
        ] {
            refused(&answer, 403);
            assert!(
                answer
                    .body
                    .contains("Delegated tokens cannot access credentials directly"),
                "{}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn who_has_left_the_group_cannot_make_one() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let user = keystone.user_id(&token).await;
    keystone.leave("eve", READERS).await;
    keystone.federated("eve").await;
    let body = json!({"tenant_id": keystone.project_id("lsst-ro").await});
    refused(&keystone.post(&ec2_path(&user), &token, body).await, 401);
}
