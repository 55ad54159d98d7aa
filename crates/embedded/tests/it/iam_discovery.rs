use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::iam_world::{ISSUER, World};

#[tokio::test]
async fn the_configuration_names_the_issuer_with_its_slash_and_indigos_endpoints() {
    let world = World::new();
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let answer = world
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        let found = answer.json();
        assert_eq!(found["issuer"], ISSUER);
        assert_eq!(
            found["device_authorization_endpoint"],
            "http://127.0.0.1:9000/devicecode"
        );
        assert_eq!(found["scim_endpoint"], "http://127.0.0.1:9000/scim");
        assert_eq!(
            found["id_token_signing_alg_values_supported"],
            serde_json::json!(["RS256"])
        );
    }
}

#[tokio::test]
async fn the_key_set_holds_one_public_key_and_survives_a_restart() {
    let world = World::new();
    let ask = || Request::get("/jwk").body(Body::empty()).unwrap();
    let keys = world.send(ask()).await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    let key = keys["keys"][0].as_object().unwrap();
    let mut names: Vec<_> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(world.restarted().send(ask()).await.json(), keys);
}

#[tokio::test]
async fn a_body_larger_than_64_kib_is_refused() {
    let world = World::new();
    let answer = world
        .form("/token", &[("client_id", &"x".repeat(70_000))])
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}
