use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::Timestamp;

use crate::iam_world::{READERS, World};

const INDIGO_USER: &str = "urn:indigo-dc:scim:schemas:IndigoUser";

#[tokio::test]
async fn me_is_the_person_of_the_token_or_of_the_session() {
    let world = World::new();
    let token = world.access_token("eve", "openid scim:read").await;
    let answer = world.get("/scim/Me", &token).await;
    assert_eq!(
        answer.header("content-type"),
        "application/scim+json;charset=UTF-8"
    );
    let me = answer.json();
    assert_eq!(
        (&me["id"], &me["userName"]),
        (&world.sub("eve").into(), &"eve".into())
    );
    assert_eq!(me["groups"][1]["display"], READERS);
    assert_eq!(me["groups"][1]["value"], world.group_id(READERS));
    assert_eq!(
        (&me["active"], &me["name"]["familyName"]),
        (&true.into(), &"Ryder".into())
    );
    assert_eq!(me[INDIGO_USER].get("endTime"), None);
    let end = Timestamp::from_second(1_800_000_000).unwrap();
    world
        .directory
        .set_account_end(&world.sub("eve"), Some(end))
        .await
        .unwrap();
    assert_eq!(
        world.get("/scim/Me", &token).await.json()[INDIGO_USER]["endTime"],
        "2027-01-15T08:00:00.000Z"
    );

    let mut browser = world.logged_in("ada").await;
    let me = browser
        .call(Method::GET, "/scim/Me", None, None)
        .await
        .json();
    assert_eq!(
        (&me["userName"], &me["groups"]),
        (&"ada".into(), &serde_json::json!([]))
    );
}

#[tokio::test]
async fn me_is_refused_without_login_without_scope_and_to_a_client() {
    let world = World::new();
    let answer = world
        .send(Request::get("/scim/Me").body(Body::empty()).unwrap())
        .await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (StatusCode::UNAUTHORIZED, "Bearer realm=\"iam\"")
    );
    let answer = world
        .get("/scim/Me", &world.access_token("eve", "openid").await)
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let error = answer.json();
    assert_eq!(
        error["schemas"][0],
        "urn:ietf:params:scim:api:messages:2.0:Error"
    );
    assert_eq!(error["status"], "403");
    let answer = world
        .get("/scim/Me", &world.admin_token("scim:read").await)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn users_are_listed_in_pages_for_scim_read() {
    let world = World::new();
    let token = world.admin_token("scim:read").await;
    let all = world.get("/scim/Users", &token).await.json();
    assert_eq!(
        (
            &all["totalResults"],
            &all["itemsPerPage"],
            &all["startIndex"]
        ),
        (&3.into(), &3.into(), &1.into())
    );
    let page = world
        .get("/scim/Users?startIndex=2&count=1", &token)
        .await
        .json();
    assert_eq!(
        (&page["totalResults"], &page["itemsPerPage"]),
        (&3.into(), &1.into())
    );
    assert_eq!(page["Resources"][0]["userName"], "eve");
    let eve = world
        .get(&format!("/scim/Users/{}", world.sub("eve")), &token)
        .await
        .json();
    assert_eq!(eve["userName"], "eve");
    assert_eq!(
        world.get("/scim/Users/nobody", &token).await.status,
        StatusCode::NOT_FOUND
    );
    let filtered = world
        .get("/scim/Users?filter=userName%20eq%20%22eve%22", &token)
        .await;
    assert_eq!(filtered.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn groups_name_the_group_above() {
    let world = World::new();
    let token = world.access_token("ada", "scim:read").await;
    let all = world.get("/scim/Groups", &token).await.json();
    assert_eq!(all["totalResults"], 3);
    let readers = world
        .get(&format!("/scim/Groups/{}", world.group_id(READERS)), &token)
        .await
        .json();
    assert_eq!(readers["displayName"], READERS);
    let indigo = &readers["urn:indigo-dc:scim:schemas:IndigoGroup"];
    assert_eq!(indigo["parentGroup"]["display"], "lsst");
    assert_eq!(indigo["description"], "may read the images");
    assert_eq!(
        world.get("/scim/Groups/none", &token).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn others_are_not_shown_to_everybody() {
    let world = World::new();
    let eve = format!("/scim/Users/{}", world.sub("eve"));
    let readers = format!("/scim/Groups/{}", world.group_id(READERS));
    let token = world.access_token("ada", "openid profile").await;
    let mut ada = world.logged_in("ada").await;
    for path in ["/scim/Users", &eve, "/scim/Groups", &readers] {
        assert_eq!(
            world.get(path, &token).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
        assert_eq!(
            ada.call(Method::GET, path, None, None).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
        let answer = world
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let mut manager = world.logged_in("grace").await;
    assert_eq!(
        manager
            .call(Method::GET, "/scim/Users", None, None)
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    for path in [&eve, "/scim/Groups", &readers] {
        assert_eq!(
            manager.call(Method::GET, path, None, None).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
}
