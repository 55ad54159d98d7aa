use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::iam_world::{READERS, World, text};

const REQUESTS: &str = "/iam/group_requests";

async fn ask(world: &World, token: &str) -> Value {
    let body = json!({ "groupName": READERS, "notes": "I measure galaxies" });
    let answer = world.call(Method::POST, REQUESTS, token, Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()
}

fn is_reader(world: &World, username: &str) -> bool {
    world
        .directory
        .by_username(username)
        .unwrap()
        .groups
        .contains(&READERS.parse().unwrap())
}

#[tokio::test]
async fn a_request_is_made_seen_and_approved_by_the_manager() {
    let world = World::new();
    let token = world.access_token("ada", "openid").await;
    let request = ask(&world, &token).await;
    assert_eq!(
        (&request["status"], &request["username"]),
        (&"PENDING".into(), &"ada".into())
    );
    assert_eq!(
        (&request["groupName"], &request["groupUuid"]),
        (&READERS.into(), &world.group_id(READERS).into())
    );
    assert_eq!(
        (&request["userUuid"], &request["userFullName"]),
        (&world.sub("ada").into(), &"Ada Lovelace".into())
    );
    assert_eq!(request["creationTime"], "2025-06-15T15:06:40.000Z");
    let path = format!("{REQUESTS}/{}", text(&request["uuid"]));
    assert_eq!(world.get(&path, &token).await.json(), request);

    let world = world.restarted();
    let mut manager = world.logged_in("grace").await;
    let listed = manager
        .call(
            Method::GET,
            &format!("{REQUESTS}?status=PENDING"),
            None,
            None,
        )
        .await
        .json();
    assert_eq!(
        (&listed["totalResults"], &listed["Resources"][0]),
        (&1.into(), &request)
    );
    let approved = manager
        .act(Method::POST, &format!("{path}/approve"), None)
        .await;
    assert_eq!(
        (approved.status, &approved.json()["status"]),
        (StatusCode::OK, &"APPROVED".into())
    );
    assert!(is_reader(&world, "ada"));
    let again = manager
        .act(Method::POST, &format!("{path}/approve"), None)
        .await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        again.error(),
        "invalid group request transition: APPROVED -> APPROVED"
    );
    assert_eq!(
        world
            .get(&format!("{REQUESTS}?status=PENDING"), &token)
            .await
            .json()["totalResults"],
        0
    );
}

#[tokio::test]
async fn a_rejection_needs_and_tells_its_reason() {
    let world = World::new();
    let token = world.access_token("ada", "openid").await;
    let path = format!("{REQUESTS}/{}", text(&ask(&world, &token).await["uuid"]));
    let admin = world.admin_token("iam:admin.write").await;
    for bare in ["reject", "reject?motivation=", "reject?motivation=%20"] {
        let answer = world
            .call(Method::POST, &format!("{path}/{bare}"), &admin, None)
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bare}");
    }
    let answer = world
        .call(
            Method::POST,
            &format!("{path}/reject?motivation=not%20yet"),
            &admin,
            None,
        )
        .await;
    assert_eq!(
        (answer.status, &answer.json()["motivation"]),
        (StatusCode::OK, &"not yet".into())
    );
    assert_eq!(world.get(&path, &token).await.json()["status"], "REJECTED");
    assert!(!is_reader(&world, "ada"));
    let answer = world
        .call(Method::POST, &format!("{path}/approve"), &admin, None)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    ask(&world, &token).await;
}

#[tokio::test]
async fn a_request_must_make_sense() {
    let world = World::new();
    let token = world.access_token("ada", "openid").await;
    ask(&world, &token).await;
    let member = world.access_token("eve", "openid").await;
    for (token, body) in [
        (&token, json!({ "groupName": READERS, "notes": "again" })),
        (&token, json!({ "groupName": "ska", "notes": " " })),
        (&token, json!({ "groupName": "ska" })),
        (
            &token,
            json!({ "groupName": "ska", "notes": "x".repeat(2001) }),
        ),
        (&token, json!({ "groupName": "nothing", "notes": "please" })),
        (
            &token,
            json!({ "groupName": "not a path!", "notes": "please" }),
        ),
        (&token, json!({ "notes": "please" })),
        (&token, json!([])),
        (&member, json!({ "groupName": READERS, "notes": "please" })),
    ] {
        let answer = world
            .call(Method::POST, REQUESTS, token, Some(body.clone()))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer.json()["error"].is_string());
    }
    let snake = json!({ "group_name": "ska", "notes": "please" });
    assert_eq!(
        world
            .call(Method::POST, REQUESTS, &token, Some(snake))
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn nobody_decides_but_the_manager_at_the_pages_and_the_administrators_client() {
    let world = World::new();
    let ada = world.access_token("ada", "openid").await;
    let path = format!("{REQUESTS}/{}", text(&ask(&world, &ada).await["uuid"]));
    let eve = world.access_token("eve", "openid scim:read").await;
    let manager = world.access_token("grace", "openid").await;
    let reader = world.admin_token("iam:admin.read").await;
    for token in [&ada, &eve, &manager, &reader] {
        for way in ["approve", "reject?motivation=no"] {
            let answer = world
                .call(Method::POST, &format!("{path}/{way}"), token, None)
                .await;
            assert_eq!(
                (answer.status, answer.error().as_str()),
                (StatusCode::FORBIDDEN, "insufficient_scope")
            );
        }
    }
    let mut eve_browser = world.logged_in("eve").await;
    let answer = eve_browser
        .act(Method::POST, &format!("{path}/approve"), None)
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let mut manager_browser = world.logged_in("grace").await;
    for csrf in [None, Some("00")] {
        let answer = manager_browser
            .call(Method::POST, &format!("{path}/approve"), csrf, None)
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let answer = world
        .browser()
        .call(Method::POST, &format!("{path}/approve"), None, None)
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(!is_reader(&world, "ada"));
    let admin = world.admin_token("iam:admin.write").await;
    assert_eq!(
        world
            .call(Method::POST, &format!("{path}/approve"), &admin, None)
            .await
            .status,
        StatusCode::OK
    );
    assert!(is_reader(&world, "ada"));
}

#[tokio::test]
async fn a_request_is_seen_and_withdrawn_by_its_own_person() {
    let world = World::new();
    let ada = world.access_token("ada", "openid").await;
    let path = format!("{REQUESTS}/{}", text(&ask(&world, &ada).await["uuid"]));
    let eve = world.access_token("eve", "openid").await;
    assert_eq!(world.get(&path, &eve).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        world.call(Method::DELETE, &path, &eve, None).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        world
            .get(&format!("{REQUESTS}?username=ada"), &eve)
            .await
            .json()["totalResults"],
        0
    );
    assert_eq!(
        world
            .get(REQUESTS, &world.admin_token("scim:read").await)
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        world
            .get(REQUESTS, &world.admin_token("iam:admin.read").await)
            .await
            .json()["totalResults"],
        1
    );
    assert_eq!(
        world
            .get(&format!("{REQUESTS}?status=NONE"), &ada)
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        world.call(Method::DELETE, &path, &ada, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(world.get(&path, &ada).await.status, StatusCode::FORBIDDEN);

    let path = format!("{REQUESTS}/{}", text(&ask(&world, &ada).await["uuid"]));
    let admin = world.admin_token("iam:admin.write").await;
    world
        .call(
            Method::POST,
            &format!("{path}/reject?motivation=no"),
            &admin,
            None,
        )
        .await;
    assert_eq!(
        world.call(Method::DELETE, &path, &ada, None).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        world.call(Method::DELETE, &path, &admin, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        world.call(Method::DELETE, &path, &admin, None).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_client_asks_for_nobody() {
    let world = World::new();
    let token = world.admin_token("iam:admin.write").await;
    let body = json!({ "groupName": READERS, "notes": "please" });
    let answer = world.call(Method::POST, REQUESTS, &token, Some(body)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_page_of_requests_has_at_most_ten() {
    let world = World::new();
    let admin = world.admin_token("iam:admin.write iam:admin.read").await;
    let ada = world.access_token("ada", "openid").await;
    for _ in 0..12 {
        let path = format!(
            "{REQUESTS}/{}/reject?motivation=no",
            text(&ask(&world, &ada).await["uuid"])
        );
        world.call(Method::POST, &path, &admin, None).await;
    }
    let page = world
        .get(&format!("{REQUESTS}?count=50"), &ada)
        .await
        .json();
    assert_eq!(
        (&page["totalResults"], &page["itemsPerPage"]),
        (&12.into(), &10.into())
    );
    let rest = world
        .get(&format!("{REQUESTS}?startIndex=11"), &ada)
        .await
        .json();
    assert_eq!(rest["Resources"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn members_are_added_and_removed_by_the_manager_or_the_administrators_client() {
    let world = World::new();
    let ada_token = world.access_token("ada", "openid").await;
    ask(&world, &ada_token).await;
    let (group, ada) = (world.group_id(READERS), world.sub("ada"));
    let path = format!("/iam/account/{ada}/groups/{group}");
    let grace = world.access_token("grace", "openid scim:read").await;
    for token in [
        &ada_token,
        &grace,
        &world.admin_token("iam:admin.read").await,
    ] {
        for method in [Method::POST, Method::DELETE] {
            assert_eq!(
                world.call(method, &path, token, None).await.status,
                StatusCode::FORBIDDEN
            );
        }
    }
    let mut eve = world.logged_in("eve").await;
    assert_eq!(
        eve.act(Method::DELETE, &path, None).await.status,
        StatusCode::FORBIDDEN
    );
    let mut manager = world.logged_in("grace").await;
    assert_eq!(
        manager.call(Method::POST, &path, None, None).await.status,
        StatusCode::FORBIDDEN
    );
    let ska = format!("/iam/account/{ada}/groups/{}", world.group_id("ska"));
    assert_eq!(
        manager.act(Method::POST, &ska, None).await.status,
        StatusCode::FORBIDDEN
    );
    assert!(!is_reader(&world, "ada"));

    assert_eq!(
        manager.act(Method::POST, &path, None).await.status,
        StatusCode::CREATED
    );
    assert!(is_reader(&world, "ada"));
    assert_eq!(
        world.get(REQUESTS, &ada_token).await.json()["totalResults"],
        0
    );
    let members = format!("/iam/account/find/bygroup/{group}");
    let found = world
        .get(&members, &world.admin_token("iam:admin.read").await)
        .await
        .json();
    assert_eq!(found["totalResults"], 3);
    assert_eq!(
        world.get(&members, &grace).await.status,
        StatusCode::FORBIDDEN
    );
    let admin = world.admin_token("iam:admin.write").await;
    assert_eq!(
        world.call(Method::DELETE, &path, &admin, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert!(!is_reader(&world, "ada"));
    let nobody = format!("/iam/account/nobody/groups/{group}");
    assert_eq!(
        world
            .call(Method::DELETE, &nobody, &admin, None)
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
}
