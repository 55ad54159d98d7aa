//! `/v3/s3tokens` and `/v3/ec2tokens`.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use skykey_sigv4::{
    EMPTY_PAYLOAD, Request, Scope, SigningKey, amz_date, sha256_hex, sign_headers, string_to_sign,
};
use skykey_types::{AccessKeyId, Clock, Credentials, Secret, SignedDuration};

use crate::iam_world::READERS;
use crate::keystone_world::{KeystoneWorld, ec2_path, refused};

fn s3(keystone: &KeystoneWorld, access: &str, secret: &str, service: &str) -> Value {
    let now = keystone.world.clock.now();
    let scope = Scope::at(now, "default", service);
    let text = string_to_sign(&amz_date(now), &scope, "a canonical request >>> ???");
    let signature = SigningKey::derive(&Secret::new(secret), &scope).sign(&text);
    json!({"credentials": {"access": access, "token": STANDARD.encode(text), "signature": signature}})
}

fn ec2(keystone: &KeystoneWorld, access: &str, secret: &str) -> Value {
    let credentials = Credentials {
        access_key_id: AccessKeyId::new(access),
        secret_access_key: Secret::new(secret),
        session_token: None,
        expiration: None,
    };
    let headers = [("host", "echo.example.org:443")];
    let request = Request {
        method: "GET",
        path: "/bucket/a%20b",
        query: "prefix=x%2Fy",
        headers: &headers,
        payload_hash: EMPTY_PAYLOAD,
    };
    let signed = sign_headers(
        &credentials,
        "default",
        "s3",
        keystone.world.clock.now(),
        &request,
    );
    let headers: serde_json::Map<String, Value> = signed
        .iter()
        .map(|(name, value)| {
            // Keystone looks for these two in this spelling.
            let name = match *name {
                "authorization" => "Authorization",
                "x-amz-date" => "X-Amz-Date",
                name => name,
            };
            (name.to_owned(), json!(value))
        })
        .collect();
    let (_, authorization) = signed
        .iter()
        .find(|(name, _)| *name == "authorization")
        .unwrap();
    let (_, signature) = authorization.rsplit_once('=').unwrap();
    json!({"credentials": {
        "access": access, "signature": signature, "host": "echo.example.org:443", "verb": "GET",
        "path": "/bucket/a%20b", "params": {"prefix": "x/y"}, "headers": headers, "body_hash": EMPTY_PAYLOAD,
    }})
}

#[tokio::test]
async fn a_service_learns_who_signed() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let (access, secret) = keystone.ec2(&eve, "lsst-ro").await;
    for asking in [
        keystone.admin().await,
        keystone.token("rgw", "service").await,
    ] {
        for (path, body) in [
            ("/v3/s3tokens", s3(&keystone, &access, &secret, "s3")),
            ("/v3/ec2tokens", ec2(&keystone, &access, &secret)),
        ] {
            let answer = keystone.post(path, &asking, body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            let token = &answer.json()["token"];
            assert_eq!(token["user"]["name"], "eve");
            assert_eq!(token["project"]["name"], "lsst-ro");
            assert_eq!(token["roles"][0]["name"], "member");
            assert_eq!(token["methods"], json!(["ec2credential"]));
            assert!(!answer.body.contains(&secret));
        }
    }
}

#[tokio::test]
async fn either_base64_alphabet_is_read() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let (access, secret) = keystone.ec2(&eve, "lsst-ro").await;
    let mut body = s3(&keystone, &access, &secret, "s3");
    let text = STANDARD
        .decode(body["credentials"]["token"].as_str().unwrap())
        .unwrap();
    body["credentials"]["token"] = json!(URL_SAFE.encode(text));
    assert_eq!(
        keystone
            .post("/v3/s3tokens", &keystone.admin().await, body)
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn nobody_but_a_service_may_ask() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let (access, secret) = keystone.ec2(&eve, "lsst-ro").await;
    for (path, body) in [
        ("/v3/s3tokens", s3(&keystone, &access, &secret, "s3")),
        ("/v3/ec2tokens", ec2(&keystone, &access, &secret)),
    ] {
        refused(&keystone.post(path, "", body.clone()).await, 401);
        refused(&keystone.post(path, "nonsense", body.clone()).await, 401);
        refused(&keystone.post(path, &eve, body.clone()).await, 403);
        refused(
            &keystone
                .post(path, &keystone.token("skykey", "lsst").await, body)
                .await,
            403,
        );
        refused(&keystone.get(path, &keystone.admin().await).await, 405);
    }
}

#[tokio::test]
async fn what_is_not_signed_with_the_secret_is_refused() {
    let keystone = KeystoneWorld::new();
    let admin = keystone.admin().await;
    let eve = keystone.token("eve", "lsst-ro").await;
    let (access, secret) = keystone.ec2(&eve, "lsst-ro").await;
    let (other, other_secret) = keystone.ec2(&eve, "lsst-ro").await;
    let post = async |path: &str, body: Value| keystone.post(path, &admin, body).await;
    refused(
        &post("/v3/s3tokens", s3(&keystone, &access, &other_secret, "s3")).await,
        401,
    );
    refused(
        &post("/v3/s3tokens", s3(&keystone, &access, &secret, "sts")).await,
        401,
    );
    refused(
        &post("/v3/s3tokens", s3(&keystone, "0", &secret, "s3")).await,
        404,
    );
    let bodies = [json!({}), json!({"credentials": {"access": access}})];
    for body in bodies {
        refused(&post("/v3/s3tokens", body).await, 400);
    }
    for token in ["", "%%%", "QVdTNA==", &STANDARD.encode([0xff, 0xfe])] {
        let mut body = s3(&keystone, &access, &secret, "s3");
        body["credentials"]["token"] = json!(token);
        refused(&post("/v3/s3tokens", body).await, 401);
    }
    let good = ec2(&keystone, &access, &secret);
    for (field, value) in [
        ("access", json!(other)),
        ("verb", json!("PUT")),
        ("path", json!("/bucket/ab")),
        ("params", json!({"prefix": "x"})),
        ("host", json!("other.example.org")),
        ("body_hash", json!(sha256_hex(b"x"))),
        ("signature", json!("")),
        ("headers", json!({})),
    ] {
        let mut body = good.clone();
        body["credentials"][field] = value;
        refused(&post("/v3/ec2tokens", body).await, 401);
    }
    assert_eq!(post("/v3/ec2tokens", good).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_old_request_is_refused() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let (access, secret) = keystone.ec2(&eve, "lsst-ro").await;
    let body = ec2(&keystone, &access, &secret);
    keystone
        .world
        .clock
        .advance(SignedDuration::from_secs(15 * 60 + 1));
    refused(
        &keystone
            .post("/v3/ec2tokens", &keystone.admin().await, body)
            .await,
        401,
    );
}

#[tokio::test]
async fn a_deactivated_or_ended_account_is_refused_at_once() {
    let keystone = KeystoneWorld::new();
    for username in ["eve", "grace"] {
        let token = keystone.token(username, "lsst-ro").await;
        let (access, secret) = keystone.ec2(&token, "lsst-ro").await;
        if username == "eve" {
            keystone.deactivate(username).await;
        } else {
            let sub = keystone.world.sub(username);
            let now = Some(keystone.world.clock.now());
            keystone
                .world
                .directory
                .set_account_end(&sub, now)
                .await
                .unwrap();
        }
        let admin = keystone.admin().await;
        refused(
            &keystone
                .post(
                    "/v3/s3tokens",
                    &admin,
                    s3(&keystone, &access, &secret, "s3"),
                )
                .await,
            401,
        );
        refused(
            &keystone
                .post("/v3/ec2tokens", &admin, ec2(&keystone, &access, &secret))
                .await,
            401,
        );
    }
}

#[tokio::test]
async fn a_person_who_left_the_group_is_refused_after_their_next_login() {
    let keystone = KeystoneWorld::new();
    let token = keystone.token("eve", "lsst-ro").await;
    let (access, secret) = keystone.ec2(&token, "lsst-ro").await;
    let admin = keystone.admin().await;
    let ask = async || {
        keystone
            .post(
                "/v3/s3tokens",
                &admin,
                s3(&keystone, &access, &secret, "s3"),
            )
            .await
    };
    keystone.leave("eve", READERS).await;
    assert_eq!(ask().await.status, StatusCode::OK);
    keystone.federated("eve").await;
    refused(&ask().await, 401);
}

#[tokio::test]
async fn a_token_from_a_signature_is_a_delegated_one() {
    let keystone = KeystoneWorld::new();
    let eve = keystone.token("eve", "lsst-ro").await;
    let user = keystone.user_id(&eve).await;
    let (access, secret) = keystone.ec2(&eve, "lsst-ro").await;
    let answer = keystone
        .post(
            "/v3/ec2tokens",
            &keystone.admin().await,
            ec2(&keystone, &access, &secret),
        )
        .await;
    let delegated = answer.header("x-subject-token").to_owned();
    assert_eq!(
        keystone.get("/v3/auth/projects", &delegated).await.status,
        StatusCode::OK
    );
    refused(&keystone.get(&ec2_path(&user), &delegated).await, 403);
    refused(
        &keystone
            .get(
                &format!("/v3/users/{user}/application_credentials"),
                &delegated,
            )
            .await,
        403,
    );
    let exchange =
        json!({"auth": {"identity": {"methods": ["token"], "token": {"id": delegated}}}});
    refused(&keystone.post("/v3/auth/tokens", "", exchange).await, 403);
    // s3tokens describes a token and gives none.
    let answer = keystone
        .post(
            "/v3/s3tokens",
            &keystone.admin().await,
            s3(&keystone, &access, &secret, "s3"),
        )
        .await;
    assert!(!answer.headers.contains_key("x-subject-token"));
}
