//! An IAM that is away, or not what it should be.

use serde_json::json;
use skykey_iam::{Iam, IamError};
use skykey_types::{Secret, SignedDuration};
use skykey_upstream::{Health, UpstreamMetrics};

use crate::fake::{Fake, text};

const DISCOVERY: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn reading_is_tried_again_and_what_stays_away_is_an_outage() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    fake.script(
        DISCOVERY,
        vec![(503, json!({})), (502, json!({})), (200, fake.discovery())],
    );
    assert!(iam.offer().await.unwrap().scim);
    assert_eq!(iam.upstream().health(), Health::Healthy);
    let iam = fake.iam();
    fake.set(
        DISCOVERY,
        503,
        json!({ "error": "down", "error_description": "for tea" }),
    );
    let error = iam.offer().await.unwrap_err();
    assert!(error.is_outage());
    assert_eq!(
        text(&error, &[]),
        "cannot read the IAM's discovery document: the IAM answered with HTTP 503 (down: for tea)"
    );
    assert!(matches!(iam.upstream().health(), Health::Failing { .. }));
}

#[tokio::test]
async fn nobody_there_is_an_outage() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut settings = Fake::start().await.settings();
    settings.issuer = issuer.parse().unwrap();
    let redirect = "https://sky.example/callback".parse().unwrap();
    let clock = std::sync::Arc::new(skykey_types::SystemClock);
    let iam = Iam::new(settings, redirect, &UpstreamMetrics::default(), clock).unwrap();
    let error = iam.begin_login().await.unwrap_err();
    assert!(matches!(error, IamError::Unreachable(_)) && error.is_outage());
    let words = "cannot read the IAM's discovery document: the IAM cannot be reached";
    assert!(text(&error, &[&issuer]).starts_with(words), "{error}");
}

#[tokio::test]
async fn an_old_discovery_document_and_old_keys_serve_for_an_hour() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let token = fake.token(&json!({ "exp": crate::fake::NOW + 86_400 }));
    iam.verify_access_token(&token).await.unwrap();
    for path in [DISCOVERY, "/jwk"] {
        fake.set(path, 503, json!({}));
    }
    fake.clock.advance(SignedDuration::from_mins(59));
    iam.verify_access_token(&token).await.unwrap();
    fake.clock.advance(SignedDuration::from_mins(2));
    assert!(
        iam.verify_access_token(&token)
            .await
            .unwrap_err()
            .is_outage()
    );
}

#[tokio::test]
async fn a_foreign_or_careless_discovery_document_is_refused() {
    let fake = Fake::start().await;
    let change = |name: &str, value: serde_json::Value| {
        let mut discovery = fake.discovery();
        discovery[name] = value;
        discovery
    };
    for (discovery, why) in [
        (
            change("issuer", json!(format!("{}/", fake.issuer))),
            "also the slash at the end",
        ),
        (
            change("issuer", json!("https://elsewhere")),
            "of the issuer 'https://elsewhere'",
        ),
        (
            change("token_endpoint", json!("file:///etc/passwd")),
            "not encrypted",
        ),
        (
            change("token_endpoint", json!("nowhere")),
            "not the JSON it should be",
        ),
        (json!([]), "not the JSON it should be"),
    ] {
        fake.set(DISCOVERY, 200, discovery);
        let error = fake.iam().begin_login().await.unwrap_err();
        assert!(matches!(error, IamError::Unexpected { .. }), "{error:?}");
        assert!(text(&error, &[]).contains(why), "{error}");
    }
    fake.set(DISCOVERY, 302, json!({}));
    let error = fake.iam().begin_login().await.unwrap_err();
    assert!(
        matches!(error, IamError::Refused { status: 302, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn keys_without_one_for_asymmetric_signatures_are_refused() {
    let fake = Fake::start().await;
    fake.set(
        "/jwk",
        200,
        json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": "first" }] }),
    );
    let error = fake
        .iam()
        .verify_access_token(&fake.token(&json!({})))
        .await
        .unwrap_err();
    assert!(text(&error, &[]).contains("no key for asymmetric signatures"));
}

#[tokio::test]
async fn what_the_iam_does_not_offer_is_said() {
    let fake = Fake::start().await;
    let mut discovery = fake.discovery();
    for endpoint in [
        "introspection_endpoint",
        "device_authorization_endpoint",
        "userinfo_endpoint",
    ] {
        discovery.as_object_mut().unwrap().remove(endpoint);
    }
    fake.set(DISCOVERY, 200, discovery);
    let iam = fake.iam();
    let error = iam.begin_device(&[]).await.unwrap_err();
    assert!(text(&error, &[]).contains("names no device_authorization_endpoint"));
    let error = iam
        .verify_access_token(&Secret::new("opaque"))
        .await
        .unwrap_err();
    assert!(text(&error, &[]).contains("offers no introspection"));
    let offer = iam.offer().await.unwrap();
    assert!(offer.scim && !offer.device && !offer.introspection && !offer.userinfo);
}

#[tokio::test]
async fn every_call_can_be_spawned() {
    fn spawned(_: impl Send) {}
    let fake = Fake::start().await;
    let (iam, token) = (fake.iam(), Secret::new("x"));
    spawned(iam.begin_login());
    spawned(iam.begin_device(&[]));
    spawned(iam.person("ada"));
    spawned(iam.refresh(&token));
    spawned(iam.verify_access_token(&token));
    spawned(iam.group_requests(&token, &skykey_iam::GroupRequestFilter::default()));
}

#[test]
fn certificate_authorities_that_are_none_are_refused_at_the_start() {
    let mut settings = skykey_iam::IamSettings::new(
        "https://iam.example/".parse().unwrap(),
        "skykey",
        Secret::new("x"),
    );
    settings.authorities = Some("/nowhere/ca.pem".into());
    let redirect = "https://sky.example/callback".parse().unwrap();
    let clock = std::sync::Arc::new(skykey_types::SystemClock);
    let error = Iam::new(settings, redirect, &UpstreamMetrics::default(), clock).unwrap_err();
    assert!(matches!(error, IamError::Setup(_)));
    assert!(error.to_string().contains("/nowhere/ca.pem"));
}

/// The fault of an IAM that accepts connections and never answers: each token check waited up to
/// 20 s for keys that were known.
#[tokio::test]
async fn an_iam_that_hangs_delays_no_check_of_a_token_signed_by_a_known_key() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let token = fake.token(&json!({ "exp": crate::fake::NOW + 86_400 }));
    iam.verify_access_token(&token).await.unwrap();
    for path in [DISCOVERY, "/jwk"] {
        fake.hang(path);
    }
    // Stale, but not too old.
    fake.clock.advance(SignedDuration::from_mins(30));
    let checks = async {
        for _ in 0..50 {
            iam.verify_access_token(&token).await.unwrap();
        }
    };
    let attempt = std::time::Duration::from_secs(10);
    tokio::time::timeout(attempt / 2, checks)
        .await
        .expect("known keys serve while the IAM hangs");
    // A key that nobody knows has to be fetched.
    let unknown = crate::fake::Key::new("second").sign(&fake.claims(&json!({})));
    let check = iam.verify_access_token(&unknown);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(1), check).await;
    assert!(waited.is_err(), "{waited:?}");
    // Meanwhile the others go on.
    let check = iam.verify_access_token(&token);
    tokio::time::timeout(attempt / 2, check)
        .await
        .unwrap()
        .unwrap();
    // Once the answer comes, the waiting check gets it.
    let second = crate::fake::Key::new("second");
    fake.set(
        "/jwk",
        200,
        json!({ "keys": [fake.key.public(), second.public()] }),
    );
    for path in [DISCOVERY, "/jwk"] {
        fake.answer_again(path);
    }
    iam.verify_access_token(&second.sign(&fake.claims(&json!({}))))
        .await
        .unwrap();
    // Too old keys do not serve.
    fake.hang(DISCOVERY);
    fake.hang("/jwk");
    fake.clock.advance(SignedDuration::from_mins(61));
    let check = iam.verify_access_token(&token);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(1), check).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test]
async fn an_iam_that_hangs_delays_no_membership_while_our_own_token_still_works() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let token = json!({ "access_token": "x", "expires_in": 600, "scope": "scim:read" });
    fake.set("/token", 200, token);
    let users = json!({ "totalResults": 1, "Resources": [{ "id": "1", "userName": "ada" }] });
    fake.set("/scim/Users", 200, users);
    iam.by_username("ada").await.unwrap().unwrap();
    fake.hang("/token");
    // To be renewed, and good for 30 s more.
    fake.clock.advance(SignedDuration::from_secs(570));
    let ask = iam.by_username("bob");
    tokio::time::timeout(std::time::Duration::from_secs(5), ask)
        .await
        .expect("the token still works")
        .unwrap();
}

#[tokio::test]
async fn an_opaque_token_is_believed_for_its_minute_and_no_longer_while_the_iam_hangs() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let claims = json!({
        "active": true, "token_type": "Bearer", "sub": "ada", "exp": crate::fake::NOW + 3600,
    });
    fake.set("/introspect", 200, claims);
    let token = Secret::new("opaque");
    iam.verify_access_token(&token).await.unwrap();
    fake.hang("/introspect");
    fake.clock.advance(SignedDuration::from_secs(59));
    let check = iam.verify_access_token(&token);
    tokio::time::timeout(std::time::Duration::from_secs(5), check)
        .await
        .expect("the answer is believed for a minute")
        .unwrap();
    // A revoked token must not live longer because the IAM hangs.
    fake.clock.advance(SignedDuration::from_secs(1));
    let check = iam.verify_access_token(&token);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(1), check).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test]
async fn many_who_bring_one_opaque_token_ask_the_iam_once() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let claims = json!({
        "active": true, "token_type": "Bearer", "sub": "ada", "exp": crate::fake::NOW + 3600,
    });
    fake.set("/introspect", 200, claims);
    let mut checks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let iam = iam.clone();
        checks.spawn(async move {
            iam.verify_access_token(&Secret::new("opaque"))
                .await
                .is_ok()
        });
    }
    assert!(checks.join_all().await.into_iter().all(|live| live));
    assert_eq!(fake.seen("/introspect").len(), 1);
}
