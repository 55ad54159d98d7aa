//! Versions, the catalogue, users and projects; what may stand in a seed.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use skykey_embedded::keystone::{Keystone, KeystoneSeed, ProjectSeed, Role, ServiceUserSeed};
use skykey_types::Secret;

use crate::iam_world::text;
use crate::keystone_world::{KeystoneWorld, PUBLIC_URL, refused};

#[tokio::test]
async fn the_versions_lead_to_v3() {
    let keystone = KeystoneWorld::new();
    let root = keystone.get("/", "").await;
    assert_eq!(root.status, StatusCode::MULTIPLE_CHOICES);
    let version = &root.json()["versions"]["values"][0];
    assert_eq!(version["links"][0]["href"], format!("{PUBLIC_URL}/"));
    for path in ["/v3", "/v3/"] {
        assert_eq!(keystone.get(path, "").await.json()["version"], *version);
    }
    refused(&keystone.get("/v2.0", "").await, 404);
    refused(&keystone.delete("/v3", "").await, 405);
}

#[tokio::test]
async fn the_catalogue_is_for_tokens_of_a_project() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let catalog = keystone.get("/v3/auth/catalog", &token).await.json();
    assert_eq!(catalog["catalog"][0]["endpoints"][0]["url"], PUBLIC_URL);
    let unscoped = keystone
        .federated("eve")
        .await
        .header("x-subject-token")
        .to_owned();
    refused(&keystone.get("/v3/auth/catalog", &unscoped).await, 403);
    refused(&keystone.get("/v3/auth/catalog", "").await, 401);
}

#[tokio::test]
async fn a_user_is_shown_to_themselves_and_to_administrators() {
    let keystone = KeystoneWorld::new();
    let (eve, grace) = (
        keystone.token("eve", "lsst-ro").await,
        keystone.token("grace", "lsst-ro").await,
    );
    let admin = keystone.admin().await;
    let path = format!("/v3/users/{}", keystone.user_id(&eve).await);
    for token in [&eve, &admin] {
        let answer = keystone.get(&path, token).await.json();
        assert_eq!(answer["user"]["name"], "eve");
        assert_eq!(answer["user"]["enabled"], true);
        let federated = json!([{"idp_id": "iris-iam", "protocols": [{"protocol_id": "openid", "unique_id": keystone.world.sub("eve")}]}]);
        assert_eq!(answer["user"]["federated"], federated);
        let projects = keystone
            .get(&format!("{path}/projects"), token)
            .await
            .json();
        assert_eq!(projects["projects"][0]["name"], "lsst-ro");
    }
    refused(&keystone.get(&path, &grace).await, 403);
    refused(
        &keystone.get(&format!("{path}/projects"), &grace).await,
        403,
    );
    refused(&keystone.get("/v3/users/0", &admin).await, 404);
    refused(&keystone.get("/v3/users/0/projects", &admin).await, 404);
    refused(&keystone.get("/v3/users/0", &eve).await, 403);
    keystone.deactivate("eve").await;
    assert_eq!(
        keystone.get(&path, &admin).await.json()["user"]["enabled"],
        false
    );
}

#[tokio::test]
async fn lists_are_for_administrators() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let admin = keystone.admin().await;
    let names = |list: &Value| -> Vec<String> {
        let mut names: Vec<_> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| text(&entry["name"]))
            .collect();
        names.sort();
        names
    };
    for (path, key, expected) in [
        (
            "/v3/users",
            "users",
            vec!["eve", "onlooker", "rgw", "skykey", "skykey-s3"],
        ),
        ("/v3/users?name=eve", "users", vec!["eve"]),
        (
            "/v3/users?name=skykey&domain_id=default",
            "users",
            vec!["skykey"],
        ),
        ("/v3/users?name=ada", "users", vec![]),
        ("/v3/users?name=eve&domain_id=other", "users", vec![]),
        (
            "/v3/projects",
            "projects",
            vec!["lsst", "lsst-ro", "service"],
        ),
        ("/v3/projects?name=lsst-ro", "projects", vec!["lsst-ro"]),
        ("/v3/projects?name=lsst&domain_id=other", "projects", vec![]),
    ] {
        assert_eq!(
            names(&keystone.get(path, &admin).await.json()[key]),
            expected,
            "{path}"
        );
        refused(&keystone.get(path, &eve).await, 403);
    }
}

#[tokio::test]
async fn a_project_is_shown_to_its_members() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let path = |id: &str| format!("/v3/projects/{id}");
    let answer = keystone
        .get(&path(&keystone.project_id("lsst-ro").await), &eve)
        .await
        .json();
    assert_eq!(answer["project"]["name"], "lsst-ro");
    refused(
        &keystone
            .get(&path(&keystone.project_id("lsst").await), &eve)
            .await,
        403,
    );
    refused(&keystone.get(&path("0"), &eve).await, 403);
    refused(
        &keystone.get(&path("0"), &keystone.admin().await).await,
        404,
    );
}

#[tokio::test]
async fn a_seed_that_cannot_work_is_refused_at_the_start() {
    let keystone = KeystoneWorld::new();
    let open = |projects: &[&str], users: &[(&str, &str, &str)]| {
        let projects = projects.iter().map(|name| ProjectSeed {
            name: name.parse().unwrap(),
            member_groups: vec![],
        });
        let services = users
            .iter()
            .map(|(username, password, project)| ServiceUserSeed {
                username: (*username).to_owned(),
                password: Secret::new(*password),
                roles: vec![(project.parse().unwrap(), Role::Member)],
            });
        let seed = KeystoneSeed {
            projects: projects.collect(),
            services: services.collect(),
        };
        let world = &keystone.world;
        let (directory, iam) = (Arc::clone(&world.directory), Arc::clone(&world.iam));
        let url = PUBLIC_URL.parse().unwrap();
        let opened = Keystone::open(
            world.dir.path(),
            &url,
            directory,
            iam,
            seed,
            Arc::new(world.clock.clone()),
        );
        opened.map(|_| ()).map_err(|error| error.to_string())
    };
    let long = "sixteen and more";
    assert_eq!(open(&["a"], &[("program", long, "a")]), Ok(()));
    for (projects, users, why) in [
        (vec!["a", "a"], vec![], "a project occurs twice"),
        (
            vec!["a"],
            vec![("program", "short", "a")],
            "fewer than 16 characters",
        ),
        (
            vec!["a"],
            vec![("program", long, "b")],
            "b, which is not seeded",
        ),
        (vec!["a"], vec![("eve", long, "a")], "the name of a person"),
        (
            vec!["a"],
            vec![("program", long, "a"), ("program", long, "a")],
            "occurs twice",
        ),
    ] {
        let error = open(&projects, &users).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn the_only_domain_is_shown_to_administrators() {
    let keystone = KeystoneWorld::new();
    let admin = keystone.admin().await;
    for (query, count) in [("", 1), ("?name=Default", 1), ("?name=other", 0)] {
        let answer = keystone.get(&format!("/v3/domains{query}"), &admin).await;
        let domains = answer.json()["domains"].clone();
        assert_eq!(domains.as_array().unwrap().len(), count, "{query}");
        assert!(count == 0 || domains[0]["id"] == "default");
    }
    let eve = keystone.token("eve", "lsst-ro").await;
    refused(&keystone.get("/v3/domains", &eve).await, 403);
    refused(&keystone.get("/v3/domains", "").await, 401);
}

#[tokio::test]
async fn a_user_is_found_by_the_login_that_leads_to_them() {
    let keystone = KeystoneWorld::new();
    keystone.token("eve", "lsst-ro").await;
    let admin = keystone.admin().await;
    let find = async |query: String| {
        let answer = keystone.get(&format!("/v3/users?{query}"), &admin).await;
        answer.json()["users"].as_array().unwrap().len()
    };
    let sub = keystone.world.sub("eve");
    let login = format!("idp_id=iris-iam&protocol_id=openid&unique_id={sub}");
    assert_eq!(find(login.clone()).await, 1);
    assert_eq!(find(login.replace("iris-iam", "other")).await, 0);
    assert_eq!(find(login.replace(&sub, "somebody-else")).await, 0);
}

#[tokio::test]
async fn what_the_framework_refuses_has_keystones_shape() {
    let sky = KeystoneWorld::new();
    let (admin, long) = (sky.admin().await, json!("a".repeat(70_000)));
    for path in ["/v3/auth/tokens", "/v3/s3tokens", "/v3/ec2tokens"] {
        let answer = sky.post(path, &admin, long.clone()).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert_eq!(answer.json()["error"]["code"], 413, "{}", answer.body);
        assert!(answer.body.contains("64 KiB"), "{}", answer.body);
    }
    let answer = sky.get("/v3/users/%ff", &admin).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    assert_eq!(answer.json()["error"]["code"], 400, "{}", answer.body);
}
