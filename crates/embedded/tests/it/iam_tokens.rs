use aws_lc_rs::hmac;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::iam_world::{ALL_SCOPES, World, text};

async fn renew(world: &World, token: &str) -> crate::iam_world::Answer {
    world
        .as_web(
            "/token",
            &[("grant_type", "refresh_token"), ("refresh_token", token)],
        )
        .await
}

#[tokio::test]
async fn a_refresh_token_rotates_and_a_spent_one_ends_the_grant() {
    let world = World::new();
    let first = world.web_tokens("ada", ALL_SCOPES).await;
    let spent = text(&first["refresh_token"]);
    let second = renew(&world, &spent).await.json();
    let live = text(&second["refresh_token"]);
    assert_ne!(spent, live);
    let third = renew(&world, &live).await.json();
    let access = text(&third["access_token"]);
    assert_eq!(world.get("/userinfo", &access).await.status, StatusCode::OK);

    assert_eq!(renew(&world, &spent).await.error(), "invalid_grant");
    assert_eq!(
        renew(&world, &text(&third["refresh_token"])).await.error(),
        "invalid_grant"
    );
    assert_eq!(
        world.get("/userinfo", &access).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_refresh_token_survives_a_restart_and_lies_on_the_disk_only_as_a_hash() {
    let world = World::new();
    let refresh = text(&world.web_tokens("ada", ALL_SCOPES).await["refresh_token"]);
    let file = std::fs::read_to_string(world.dir.path().join("iam-tokens.json")).unwrap();
    assert!(!file.contains(&refresh));
    let world = world.restarted();
    assert_eq!(renew(&world, &refresh).await.status, StatusCode::OK);
    assert_eq!(
        renew(&world.restarted(), &refresh).await.error(),
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_refresh_token_is_only_for_its_client_and_never_for_more_than_was_granted() {
    let world = World::new();
    let refresh = text(&world.web_tokens("ada", "openid offline_access").await["refresh_token"]);
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
        ("client_id", "cli"),
    ];
    assert_eq!(world.form("/token", &fields).await.error(), "invalid_grant");
    let wider = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
        ("scope", "openid email"),
    ];
    assert_eq!(
        world.as_web("/token", &wider).await.error(),
        "invalid_scope"
    );
    let narrower = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
        ("scope", "openid"),
    ];
    assert_eq!(
        world.as_web("/token", &narrower).await.json()["scope"],
        "openid"
    );
}

#[tokio::test]
async fn without_offline_access_there_is_no_refresh_token() {
    let world = World::new();
    let tokens = world.web_tokens("ada", "openid").await;
    assert_eq!(tokens.get("refresh_token"), None);
    let tokens = world.web_tokens("ada", "profile").await;
    assert_eq!(tokens.get("id_token"), None);
    let answer = world.get("/userinfo", &text(&tokens["access_token"])).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer
            .header("www-authenticate")
            .contains("error=\"insufficient_scope\"")
    );
}

#[tokio::test]
async fn a_refresh_token_dies_after_thirty_days_without_use() {
    let world = World::new();
    let refresh = text(&world.web_tokens("ada", ALL_SCOPES).await["refresh_token"]);
    world.clock.advance(SignedDuration::from_hours(30 * 24 - 1));
    let refresh = text(&renew(&world, &refresh).await.json()["refresh_token"]);
    world.clock.advance(SignedDuration::from_hours(30 * 24));
    assert_eq!(renew(&world, &refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_deactivated_account_stops_every_token_at_once() {
    let world = World::new();
    let tokens = world.web_tokens("ada", ALL_SCOPES).await;
    let (access, refresh) = (
        text(&tokens["access_token"]),
        text(&tokens["refresh_token"]),
    );
    let is_active = async || {
        world
            .as_web("/introspect", &[("token", &access)])
            .await
            .json()["active"]
            .clone()
    };
    assert_eq!(is_active().await, true);
    let sub = world.sub("ada");
    world.directory.set_active(&sub, false).await.unwrap();
    let answer = world.get("/userinfo", &access).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(
        answer
            .header("www-authenticate")
            .contains("error=\"invalid_token\"")
    );
    assert_eq!(is_active().await, false);
    assert_eq!(renew(&world, &refresh).await.error(), "invalid_grant");
    assert_eq!(world.iam.verify_access_token(&access), None);

    world.directory.set_active(&sub, true).await.unwrap();
    let soon = Some(jiff::Timestamp::from_second(1_750_000_010).unwrap());
    world.directory.set_account_end(&sub, soon).await.unwrap();
    assert_eq!(is_active().await, true);
    world.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(is_active().await, false);
    assert_eq!(renew(&world, &refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn an_access_token_ends_after_an_hour() {
    let world = World::new();
    let access = world.access_token("ada", "openid").await;
    world.clock.advance(SignedDuration::from_secs(3599));
    assert_eq!(world.get("/userinfo", &access).await.status, StatusCode::OK);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(
        world.get("/userinfo", &access).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(world.iam.verify_access_token(&access), None);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let world = World::new();
    let tokens = world.web_tokens("ada", "openid profile").await;
    let access = text(&tokens["access_token"]);
    let parts: Vec<_> = access.split('.').collect();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let with_alg = |alg: &str| {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            parts[1]
        )
    };
    // The classic: the public key taken for the secret of an HMAC.
    let public = world.get("/jwk", "").await.json()["keys"][0]["n"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes());
    let hs256 = with_alg("HS256");
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, hs256.as_bytes()));
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    claims["sub"] = json!(world.sub("grace"));
    let altered = URL_SAFE_NO_PAD.encode(claims.to_string());
    let forged = [
        format!("{}.", with_alg("none")),
        format!("{}.{}", with_alg("none"), parts[2]),
        format!("{hs256}.{tag}"),
        format!("{}.{altered}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        text(&tokens["id_token"]),
        "x".repeat(20_000),
        "..".to_owned(),
        String::new(),
    ];
    assert!(world.iam.verify_access_token(&access).is_some());
    for token in forged {
        assert_eq!(world.iam.verify_access_token(&token), None, "{token:.80}");
        assert_eq!(
            world.get("/userinfo", &token).await.status,
            StatusCode::UNAUTHORIZED,
            "{token:.80}"
        );
        assert_eq!(
            world.get("/scim/Me", &token).await.status,
            StatusCode::UNAUTHORIZED,
            "{token:.80}"
        );
    }
    let other = World::new();
    assert_eq!(other.iam.verify_access_token(&access), None);
}

#[tokio::test]
async fn a_client_must_show_its_secret() {
    let world = World::new();
    let fields = [("grant_type", "client_credentials")];
    let answer = world
        .form_as("/token", Some(("admin", "wrong")), &fields)
        .await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (StatusCode::UNAUTHORIZED, "invalid_client")
    );
    assert!(answer.header("www-authenticate").starts_with("Basic"));
    let posted = [
        ("grant_type", "client_credentials"),
        ("client_id", "admin"),
        ("client_secret", "admin secret"),
    ];
    assert_eq!(world.form("/token", &posted).await.status, StatusCode::OK);
    assert_eq!(
        world.as_web("/token", &fields).await.error(),
        "unauthorized_client"
    );
    assert_eq!(
        world
            .as_web("/token", &[("grant_type", "password")])
            .await
            .error(),
        "unsupported_grant_type"
    );
    assert_eq!(world.as_web("/token", &[]).await.error(), "invalid_request");
    let twice = [
        ("grant_type", "client_credentials"),
        ("grant_type", "client_credentials"),
    ];
    assert_eq!(
        world.as_web("/token", &twice).await.error(),
        "invalid_request"
    );
    let wide = [
        ("grant_type", "client_credentials"),
        ("scope", "scim:write"),
    ];
    let answer = world
        .form_as("/token", Some(("admin", "admin secret")), &wide)
        .await;
    assert_eq!(answer.error(), "invalid_scope");
}

#[tokio::test]
async fn introspection_is_for_clients_with_a_secret() {
    let world = World::new();
    let tokens = world.web_tokens("eve", ALL_SCOPES).await;
    let (access, refresh) = (
        text(&tokens["access_token"]),
        text(&tokens["refresh_token"]),
    );
    let found = world
        .as_web("/introspect", &[("token", &access)])
        .await
        .json();
    assert_eq!(
        (&found["active"], &found["username"]),
        (&true.into(), &"eve".into())
    );
    assert_eq!(
        (&found["client_id"], &found["exp"]),
        (&"web".into(), &1_750_003_600.into())
    );
    assert_eq!(
        world
            .as_web("/introspect", &[("token", &refresh)])
            .await
            .json()["active"],
        true
    );
    let admin = Some(("admin", "admin secret"));
    let found = world
        .form_as("/introspect", admin, &[("token", &refresh)])
        .await
        .json();
    assert_eq!(found, json!({ "active": false }));
    let answer = world
        .form("/introspect", &[("token", &access), ("client_id", "cli")])
        .await;
    assert_eq!(answer.error(), "invalid_client");
    assert_eq!(
        world
            .form("/introspect", &[("token", &access)])
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    let own = world.admin_token("scim:read").await;
    let found = world.as_web("/introspect", &[("token", &own)]).await.json();
    assert_eq!(
        (&found["active"], &found["sub"]),
        (&true.into(), &"admin".into())
    );
}

#[tokio::test]
async fn a_revoked_token_is_dead_even_after_a_restart() {
    let world = World::new();
    let tokens = world.web_tokens("ada", ALL_SCOPES).await;
    let access = text(&tokens["access_token"]);
    let foreign = world
        .form("/revoke", &[("token", &access), ("client_id", "cli")])
        .await;
    assert_eq!(foreign.status, StatusCode::OK);
    assert!(world.iam.verify_access_token(&access).is_some());
    assert_eq!(
        world.as_web("/revoke", &[("token", &access)]).await.status,
        StatusCode::OK
    );
    assert_eq!(world.iam.verify_access_token(&access), None);
    assert_eq!(
        world
            .as_web("/revoke", &[("token", "no token")])
            .await
            .status,
        StatusCode::OK
    );
    let world = world.restarted();
    assert_eq!(world.iam.verify_access_token(&access), None);

    let answer = renew(&world, &text(&tokens["refresh_token"])).await.json();
    let (access, refresh) = (
        text(&answer["access_token"]),
        text(&answer["refresh_token"]),
    );
    world.as_web("/revoke", &[("token", &refresh)]).await;
    assert_eq!(renew(&world, &refresh).await.error(), "invalid_grant");
    assert_eq!(world.iam.verify_access_token(&access), None);
    let answer = world
        .form_as("/revoke", Some(("web", "wrong")), &[("token", &access)])
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_groups_of_a_token_are_those_of_now() {
    let world = World::new();
    let access = world.access_token("eve", "openid profile").await;
    world
        .directory
        .remove_from_group(&world.sub("eve"), &"lsst".parse().unwrap())
        .await
        .unwrap();
    assert!(
        world
            .iam
            .verify_access_token(&access)
            .unwrap()
            .groups
            .is_empty()
    );
    assert_eq!(
        world.get("/userinfo", &access).await.json()["groups"],
        json!([])
    );
}
