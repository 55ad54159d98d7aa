use axum::http::StatusCode;
use jiff::SignedDuration;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use crate::iam_world::{
    ALL_SCOPES, CLI_CALLBACK, ISSUER, READERS, VERIFIER, WEB_CALLBACK, World, authorize, password,
    redemption, text, web_authorize,
};

/// The claims of an id token, checked as a relying party checks them.
async fn id_claims(world: &World, token: &str, audience: &str) -> Value {
    let keys: JwkSet = serde_json::from_str(&world.get("/jwk", "").await.body).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.set_audience(&[audience]);
    validation.set_issuer(&[ISSUER]);
    jsonwebtoken::decode(token, &key, &validation)
        .unwrap()
        .claims
}

#[tokio::test]
async fn a_login_at_the_page_leads_to_tokens_for_the_client() {
    let world = World::new();
    let mut browser = world.browser();
    let to_login = browser.get(&web_authorize(ALL_SCOPES)).await;
    assert_eq!(to_login.status, StatusCode::SEE_OTHER);
    assert!(to_login.location().starts_with("/login?next="));
    let next = to_login.sent_back("next").unwrap();
    let back = browser.log_in("eve", &password("eve"), &next).await;
    assert_eq!(back.location(), next);
    let answer = browser.get(&next).await;
    assert!(answer.location().starts_with(WEB_CALLBACK));
    assert_eq!(answer.sent_back("state").as_deref(), Some("the state"));

    let answer = world
        .as_web("/token", &redemption(&answer.sent_back("code").unwrap()))
        .await;
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (StatusCode::OK, "no-store")
    );
    let tokens = answer.json();
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"]),
        (&"Bearer".into(), &3600.into())
    );
    let id = id_claims(&world, tokens["id_token"].as_str().unwrap(), "web").await;
    assert_eq!(id["sub"], world.sub("eve"));
    assert_eq!(id["nonce"], "the nonce");
    assert_eq!(id["auth_time"], 1_750_000_000);

    let access = text(&tokens["access_token"]);
    let info = world.get("/userinfo", &access).await.json();
    assert_eq!(info["sub"], world.sub("eve"));
    assert_eq!(info["groups"], serde_json::json!(["lsst", READERS]));
    assert_eq!(
        (&info["preferred_username"], &info["name"]),
        (&"eve".into(), &"Eve Ryder".into())
    );
    assert_eq!(
        (&info["email"], &info["email_verified"]),
        (&"eve@example.org".into(), &true.into())
    );
    let claims = world.iam.verify_access_token(&access).unwrap();
    assert_eq!(
        (claims.username.as_str(), claims.client_id.as_str()),
        ("eve", "web")
    );
    assert_eq!(claims.exp.as_second(), 1_750_003_600);
}

#[tokio::test]
async fn a_public_client_needs_pkce_and_may_use_any_loopback_port() {
    let world = World::new();
    let mut browser = world.logged_in("ada").await;
    let cli = [
        ("client_id", "cli"),
        ("redirect_uri", CLI_CALLBACK),
        ("scope", "openid"),
    ];
    let bare = [&cli[..], &[("code_challenge", "")]].concat();
    assert_eq!(
        browser
            .get(&authorize(&bare))
            .await
            .sent_back("error")
            .as_deref(),
        Some("invalid_request")
    );
    let plain = [&cli[..], &[("code_challenge_method", "plain")]].concat();
    assert_eq!(
        browser
            .get(&authorize(&plain))
            .await
            .sent_back("error")
            .as_deref(),
        Some("invalid_request")
    );

    let code = browser
        .get(&authorize(&cli))
        .await
        .sent_back("code")
        .unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "cli"),
        ("code", &code),
        ("redirect_uri", CLI_CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(world.form("/token", &fields).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_verifier_is_refused_and_spends_the_code() {
    let world = World::new();
    let mut browser = world.logged_in("ada").await;
    let code = browser
        .get(&web_authorize("openid"))
        .await
        .sent_back("code")
        .unwrap();
    let mut wrong = redemption(&code);
    let other = VERIFIER.replace('d', "e");
    wrong[3].1 = &other;
    assert_eq!(
        world.as_web("/token", &wrong).await.error(),
        "invalid_grant"
    );
    assert_eq!(
        world.as_web("/token", &redemption(&code)).await.error(),
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_code_used_twice_ends_what_it_led_to() {
    let world = World::new();
    let mut browser = world.logged_in("ada").await;
    let code = browser
        .get(&web_authorize(ALL_SCOPES))
        .await
        .sent_back("code")
        .unwrap();
    let tokens = world.as_web("/token", &redemption(&code)).await.json();
    let access = text(&tokens["access_token"]);
    assert!(world.iam.verify_access_token(&access).is_some());
    assert_eq!(
        world.as_web("/token", &redemption(&code)).await.error(),
        "invalid_grant"
    );
    assert!(world.iam.verify_access_token(&access).is_none());
    let refresh = text(&tokens["refresh_token"]);
    let renewal = [("grant_type", "refresh_token"), ("refresh_token", &refresh)];
    assert_eq!(
        world.as_web("/token", &renewal).await.error(),
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_code_expires_after_a_minute_and_belongs_to_its_client_and_place() {
    let world = World::new();
    let mut browser = world.logged_in("ada").await;
    let code = browser
        .get(&web_authorize("openid"))
        .await
        .sent_back("code")
        .unwrap();
    let stolen = [&redemption(&code)[..], &[("client_id", "cli")]].concat();
    assert_eq!(world.form("/token", &stolen).await.error(), "invalid_grant");
    let mut elsewhere = redemption(&code);
    elsewhere[2].1 = CLI_CALLBACK;
    assert_eq!(
        world.as_web("/token", &elsewhere).await.error(),
        "invalid_grant"
    );
    let late = browser
        .get(&web_authorize("openid"))
        .await
        .sent_back("code")
        .unwrap();
    world.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(
        world.as_web("/token", &redemption(&late)).await.error(),
        "invalid_grant"
    );
}

#[tokio::test]
async fn nobody_is_redirected_to_a_place_that_is_not_registered() {
    let world = World::new();
    let mut browser = world.logged_in("ada").await;
    for (client, uri) in [
        ("web", "http://127.0.0.1:8081/callback"),
        ("web", "http://127.0.0.1:8080/callback/x"),
        ("web", "https://evil.example/"),
        ("web", ""),
        ("cli", "http://127.0.0.1:4711/other"),
        ("nobody", WEB_CALLBACK),
    ] {
        let answer = browser
            .get(&authorize(&[("client_id", client), ("redirect_uri", uri)]))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{client} {uri}");
        assert!(answer.headers.get("location").is_none());
    }
    let twice = format!("{}&client_id=web", web_authorize("openid"));
    assert_eq!(browser.get(&twice).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_the_client_may_not_ask_is_told_to_the_client() {
    let world = World::new();
    let mut browser = world.logged_in("ada").await;
    let web = [("client_id", "web"), ("redirect_uri", WEB_CALLBACK)];
    for (field, error) in [
        (("scope", "openid root"), "invalid_scope"),
        (("response_type", "token"), "unsupported_response_type"),
        (("prompt", "none login"), "invalid_request"),
        (("request", "eyJ"), "request_not_supported"),
    ] {
        let answer = browser
            .get(&authorize(&[&web[..], &[field]].concat()))
            .await;
        assert_eq!(
            answer.sent_back("error").as_deref(),
            Some(error),
            "{field:?}"
        );
        assert_eq!(answer.sent_back("state").as_deref(), Some("the state"));
    }
}

#[tokio::test]
async fn prompt_none_asks_nobody_and_prompt_login_asks_again() {
    let world = World::new();
    let asking = |prompt: &'static str| {
        authorize(&[
            ("client_id", "web"),
            ("redirect_uri", WEB_CALLBACK),
            ("scope", "openid"),
            ("prompt", prompt),
        ])
    };
    let answer = world.browser().get(&asking("none")).await;
    assert_eq!(answer.sent_back("error").as_deref(), Some("login_required"));
    let mut browser = world.logged_in("ada").await;
    assert!(
        browser
            .get(&asking("none"))
            .await
            .sent_back("code")
            .is_some()
    );
    assert!(
        browser
            .get(&asking("consent"))
            .await
            .sent_back("code")
            .is_some()
    );
    let answer = browser.get(&asking("login")).await;
    let next = answer.sent_back("next").unwrap();
    assert!(answer.location().starts_with("/login") && !next.contains("prompt"));
    browser.log_in("ada", &password("ada"), &next).await;
    assert!(browser.get(&next).await.sent_back("code").is_some());
    world.clock.advance(SignedDuration::from_secs(61));
    let young = authorize(&[
        ("client_id", "web"),
        ("redirect_uri", WEB_CALLBACK),
        ("max_age", "60"),
    ]);
    assert!(browser.get(&young).await.location().starts_with("/login"));
}

#[tokio::test]
async fn a_person_never_passes_on_an_administrators_scope() {
    let world = World::new();
    let tokens = world.web_tokens("grace", "openid iam:admin.write").await;
    assert_eq!(tokens["scope"], "openid");
}

#[tokio::test]
async fn no_code_is_given_for_an_account_that_was_deactivated_meanwhile() {
    let world = World::new();
    let mut browser = world.logged_in("ada").await;
    let code = browser
        .get(&web_authorize("openid"))
        .await
        .sent_back("code")
        .unwrap();
    world
        .directory
        .set_active(&world.sub("ada"), false)
        .await
        .unwrap();
    assert_eq!(
        world.as_web("/token", &redemption(&code)).await.error(),
        "invalid_grant"
    );
    assert!(
        browser
            .get(&web_authorize("openid"))
            .await
            .location()
            .starts_with("/login")
    );
}
