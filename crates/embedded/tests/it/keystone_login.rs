//! `/v3/auth/tokens` and the federated login.

use axum::http::{Method, StatusCode};
use serde_json::json;
use skykey_types::SignedDuration;

use crate::iam_world::{READERS, password, text};
use crate::keystone_world::{CURATORS, FEDERATED, KeystoneWorld, SERVICE_PASSWORD, refused, scope};

#[tokio::test]
async fn a_person_logs_in_with_their_iam_password() {
    let keystone = KeystoneWorld::new();
    let answer = keystone
        .log_in("eve", &password("eve"), Some("lsst-ro"))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let token = &answer.json()["token"];
    assert_eq!(token["user"]["name"], "eve");
    assert_eq!(token["user"]["domain"]["id"], "default");
    assert_eq!(token["project"]["name"], "lsst-ro");
    assert_eq!(token["methods"], json!(["password"]));
    let roles: Vec<_> = token["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| text(&role["name"]))
        .collect();
    assert_eq!(roles, ["member", "reader"]);
    assert_eq!(token["catalog"][0]["type"], "identity");
    assert_eq!(
        token["catalog"][0]["endpoints"][0]["url"],
        "http://127.0.0.1:5000/v3"
    );
    for id in [
        &token["user"]["id"],
        &token["project"]["id"],
        &token["roles"][0]["id"],
    ] {
        let id = text(id);
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_login_that_fails_says_nothing_about_why() {
    let keystone = KeystoneWorld::new();
    keystone.deactivate("grace").await;
    let mut bodies = Vec::new();
    for (username, password) in [
        ("eve", "wrong".to_owned()),
        ("nobody", "wrong".to_owned()),
        ("", String::new()),
        ("grace", password("grace")),
        ("skykey-s3", "wrong".to_owned()),
    ] {
        let answer = keystone.log_in(username, &password, None).await;
        refused(&answer, 401);
        assert!(answer.headers.contains_key("www-authenticate"));
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn a_body_that_is_not_a_login_is_a_bad_request_and_is_not_repeated() {
    let keystone = KeystoneWorld::new();
    for body in [
        json!({}),
        json!({"auth": {"identity": {"methods": []}}}),
        json!({"auth": {"identity": {"methods": ["password"], "password": "hunter2"}}}),
        json!({"auth": {"identity": {"methods": ["password"]}}}),
        json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {"password": "hunter2"}}}}}),
        json!({"auth": {"identity": {"methods": ["password", "token"]}}}),
    ] {
        let answer = keystone.post("/v3/auth/tokens", "", body).await;
        refused(&answer, 400);
        assert!(!answer.body.contains("hunter2"));
    }
}

#[tokio::test]
async fn a_user_is_in_no_other_domain_and_no_other_scope_is_there() {
    let keystone = KeystoneWorld::new();
    let login = |domain: &str, scope| {
        let user = json!({"name": "eve", "domain": {"id": domain}, "password": password("eve")});
        json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}})
    };
    let good = keystone
        .post(
            "/v3/auth/tokens",
            "",
            login("default", json!({"unscoped": {}})),
        )
        .await;
    assert_eq!(good.status, StatusCode::CREATED, "{}", good.body);
    assert!(good.json()["token"].get("project").is_none());
    for (domain, scope) in [
        ("other", scope("lsst-ro")),
        ("default", scope("lsst")),
        ("default", scope("nothing")),
        (
            "default",
            json!({"project": {"name": "lsst-ro", "domain": {"id": "other"}}}),
        ),
        ("default", json!({"domain": {"id": "default"}})),
        ("default", json!({"system": {"all": true}})),
    ] {
        let answer = keystone
            .post("/v3/auth/tokens", "", login(domain, scope.clone()))
            .await;
        refused(&answer, 401);
    }
}

#[tokio::test]
async fn a_user_can_be_named_by_id() {
    let keystone = KeystoneWorld::new();
    for (username, secret, project) in [
        ("eve", password("eve"), "lsst-ro"),
        ("skykey", SERVICE_PASSWORD.to_owned(), "lsst"),
    ] {
        let id = keystone
            .user_id(&keystone.token(username, project).await)
            .await;
        let login = |id: &str, password: &str| {
            let user = json!({"id": id, "password": password});
            json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
        };
        let answer = keystone
            .post("/v3/auth/tokens", "", login(&id, &secret))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        refused(
            &keystone
                .post("/v3/auth/tokens", "", login(&id, "wrong"))
                .await,
            401,
        );
        refused(
            &keystone
                .post("/v3/auth/tokens", "", login("0", &secret))
                .await,
            401,
        );
    }
}

#[tokio::test]
async fn guesses_at_a_persons_password_are_slowed_down() {
    let keystone = KeystoneWorld::new();
    for _ in 0..5 {
        refused(&keystone.log_in("eve", "wrong", None).await, 401);
    }
    let answer = keystone.log_in("eve", &password("eve"), None).await;
    refused(&answer, 429);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn an_iam_token_becomes_an_unscoped_token_of_the_same_person() {
    let keystone = KeystoneWorld::new();
    let answer = keystone.federated("eve").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let token = answer.json()["token"].clone();
    assert_eq!(token["methods"], json!(["openid"]));
    assert_eq!(
        token["user"]["OS-FEDERATION"]["identity_provider"]["id"],
        "iris-iam"
    );
    assert!(token.get("project").is_none());
    let federated = answer.header("x-subject-token").to_owned();
    let by_password = keystone.token("eve", "lsst-ro").await;
    assert_eq!(
        keystone.user_id(&federated).await,
        keystone.user_id(&by_password).await
    );
    for path in ["/v3/auth/projects", "/v3/OS-FEDERATION/projects"] {
        let projects = keystone.get(path, &federated).await.json();
        assert_eq!(projects["projects"].as_array().unwrap().len(), 1);
        assert_eq!(projects["projects"][0]["name"], "lsst-ro");
    }
}

#[tokio::test]
async fn only_the_configured_provider_and_a_living_iam_token_are_accepted() {
    let keystone = KeystoneWorld::new();
    let iam = keystone.world.access_token("eve", "openid").await;
    let bearer = format!("Bearer {iam}");
    let auth = async |path: &str, bearer: &str| {
        keystone
            .send(Method::POST, path, &[("authorization", bearer)], None)
            .await
    };
    refused(
        &auth(&FEDERATED.replace("iris-iam", "google"), &bearer).await,
        404,
    );
    refused(
        &auth(&FEDERATED.replace("openid", "saml2"), &bearer).await,
        404,
    );
    for bad in [
        "Bearer nonsense",
        "Bearer ",
        "Basic eDp5",
        &format!("{bearer}x"),
    ] {
        refused(&auth(FEDERATED, bad).await, 401);
    }
    let machine = format!("Bearer {}", keystone.world.admin_token("scim:read").await);
    refused(&auth(FEDERATED, &machine).await, 401);
    let got = keystone
        .send(Method::GET, FEDERATED, &[("authorization", &bearer)], None)
        .await;
    assert_eq!(got.status, StatusCode::CREATED);
    keystone.deactivate("eve").await;
    refused(&auth(FEDERATED, &bearer).await, 401);
}

#[tokio::test]
async fn a_token_is_exchanged_for_one_with_a_scope_but_lives_no_longer() {
    let keystone = KeystoneWorld::new();
    let unscoped = keystone.federated("eve").await;
    let first_end = unscoped.json()["token"]["expires_at"].clone();
    keystone.world.clock.advance(SignedDuration::from_mins(50));
    let exchange = |token: &str, project: &str| json!({"auth": {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": scope(project)}});
    let token = unscoped.header("x-subject-token");
    let scoped = keystone
        .post("/v3/auth/tokens", "", exchange(token, "lsst-ro"))
        .await;
    assert_eq!(scoped.status, StatusCode::CREATED, "{}", scoped.body);
    assert_eq!(
        scoped.json()["token"]["methods"],
        json!(["openid", "token"])
    );
    assert_eq!(scoped.json()["token"]["expires_at"], first_end);
    refused(
        &keystone
            .post("/v3/auth/tokens", "", exchange(token, "lsst"))
            .await,
        401,
    );
    refused(
        &keystone
            .post("/v3/auth/tokens", "", exchange("nonsense", "lsst-ro"))
            .await,
        401,
    );
    keystone.world.clock.advance(SignedDuration::from_mins(10));
    refused(
        &keystone
            .post("/v3/auth/tokens", "", exchange(token, "lsst-ro"))
            .await,
        401,
    );
    refused(
        &keystone
            .get("/v3/auth/projects", scoped.header("x-subject-token"))
            .await,
        401,
    );
}

#[tokio::test]
async fn roles_follow_the_groups_at_the_next_login() {
    let keystone = KeystoneWorld::new();
    refused(
        &keystone
            .log_in("ada", &password("ada"), Some("lsst-ro"))
            .await,
        401,
    );
    keystone.join("ada", READERS).await;
    keystone.join("ada", CURATORS).await;
    let token = keystone.token("ada", "lsst-ro").await;
    keystone.token("ada", "lsst").await;
    keystone.leave("ada", READERS).await;
    // The last login counts: nothing has changed yet.
    assert_eq!(
        keystone.get("/v3/auth/projects", &token).await.status,
        StatusCode::OK
    );
    assert_eq!(keystone.federated("ada").await.status, StatusCode::CREATED);
    refused(&keystone.get("/v3/auth/projects", &token).await, 401);
    refused(
        &keystone
            .log_in("ada", &password("ada"), Some("lsst-ro"))
            .await,
        401,
    );
    keystone.token("ada", "lsst").await;
}

#[tokio::test]
async fn a_deactivated_person_loses_their_tokens_at_once() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    keystone.deactivate("eve").await;
    refused(&keystone.get("/v3/auth/projects", &token).await, 401);
}

#[tokio::test]
async fn a_token_is_validated_and_revoked_by_its_owner_and_by_services() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let grace = keystone.token("grace", "lsst-ro").await;
    let (admin, rgw) = (
        keystone.admin().await,
        keystone.token("rgw", "service").await,
    );
    let ask = async |method: Method, asking: &str, about: &str| {
        let headers = [("x-auth-token", asking), ("x-subject-token", about)];
        keystone
            .send(method, "/v3/auth/tokens", &headers, None)
            .await
    };
    for asking in [&eve, &admin, &rgw] {
        let answer = ask(Method::GET, asking, &eve).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.json()["token"]["user"]["name"], "eve");
        assert_eq!(answer.header("x-subject-token"), eve);
    }
    refused(&ask(Method::GET, &grace, &eve).await, 403);
    refused(&ask(Method::GET, &grace, "nonsense").await, 404);
    refused(&ask(Method::GET, &admin, "nonsense").await, 404);
    refused(&ask(Method::GET, "nonsense", &eve).await, 401);
    refused(&ask(Method::DELETE, &grace, &eve).await, 403);
    refused(&ask(Method::DELETE, &rgw, &eve).await, 403);
    assert_eq!(
        ask(Method::DELETE, &eve, &eve).await.status,
        StatusCode::NO_CONTENT
    );
    refused(&keystone.get("/v3/auth/projects", &eve).await, 401);
    assert_eq!(
        ask(Method::DELETE, &admin, &grace).await.status,
        StatusCode::NO_CONTENT
    );
    refused(&ask(Method::GET, &admin, &grace).await, 404);
}

#[tokio::test]
async fn ids_outlive_a_restart_and_tokens_do_not() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let before = (
        keystone.user_id(&token).await,
        keystone.project_id("lsst-ro").await,
        keystone.user_id(&keystone.admin().await).await,
    );
    let keystone = keystone.restarted();
    refused(&keystone.get("/v3/auth/projects", &token).await, 401);
    let token = keystone.token("eve", "lsst-ro").await;
    let after = (
        keystone.user_id(&token).await,
        keystone.project_id("lsst-ro").await,
        keystone.user_id(&keystone.admin().await).await,
    );
    assert_eq!(before, after);
}
