//! Access tokens: JWTs and opaque ones.

use serde_json::{Value, json};
use skykey_iam::{GroupsClaim, Iam, IamError};
use skykey_types::{Secret, SignedDuration};

use crate::fake::{CLIENT, Fake, Key, NOW, text};

async fn refused(iam: &Iam, token: &Secret) -> String {
    let error = iam.verify_access_token(token).await.unwrap_err();
    let words = text(&error, &[token.expose()]);
    // That it has ended is told apart from what makes it no token of ours.
    match error {
        IamError::TokenEnded => assert!(words.contains("has ended"), "{words}"),
        IamError::Token { .. } => assert!(!words.contains("here: it has ended;"), "{words}"),
        other => panic!("{other:?}"),
    }
    words
}

#[tokio::test]
async fn a_token_of_this_iam_is_believed() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    for audience in [
        json!({}),
        json!({ "aud": "" }),
        json!({ "aud": [] }),
        json!({ "aud": CLIENT }),
        json!({ "aud": ["other", CLIENT] }),
    ] {
        let mut claims = json!({ "scope": "openid profile" });
        claims
            .as_object_mut()
            .unwrap()
            .extend(audience.as_object().unwrap().clone());
        let found = iam.verify_access_token(&fake.token(&claims)).await.unwrap();
        assert_eq!(
            (found.id.issuer.as_str(), found.id.sub.as_str()),
            (iam.issuer(), "ada")
        );
        assert_eq!(found.scopes, ["openid", "profile"]);
        assert_eq!(found.expires.as_second(), NOW + 3600);
    }
    assert_eq!(fake.seen("/jwk").len(), 1, "the keys are kept");
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_said() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    for (changes, why) in [
        (json!({ "iss": "http://127.0.0.1:1" }), "another issuer"),
        (
            json!({ "iss": format!("{}/", fake.issuer) }),
            "another issuer",
        ),
        (json!({ "iss": null }), "lacks"),
        (json!({ "aud": "other" }), "another service"),
        (json!({ "aud": ["other", "third"] }), "another service"),
        (json!({ "sub": null }), "cannot be read"),
        (json!({ "sub": "" }), "names nobody"),
        (json!({ "exp": null }), "cannot be read"),
        (json!({ "exp": NOW - 60 }), "has ended"),
        (json!({ "nbf": NOW + 61 }), "not begun"),
        (json!({ "iat": NOW + 61 }), "not begun"),
        (json!({ "nonce": "x" }), "id token"),
        (
            json!({ "nonce": "x", "scope": "openid", "at_hash": "x" }),
            "id token",
        ),
        (json!({ "at_hash": "x" }), "id token"),
    ] {
        let error = refused(&iam, &fake.token(&changes)).await;
        assert!(error.contains(why), "{changes}: {error}");
    }
    for (changes, what) in [
        (json!({ "exp": NOW - 59 }), "exp"),
        (
            json!({ "nonce": "x", "scope": "openid" }),
            "a nonce beside scopes",
        ),
        (json!({ "nbf": NOW + 60 }), "nbf"),
        (json!({ "iat": NOW + 60 }), "iat"),
    ] {
        let outcome = iam.verify_access_token(&fake.token(&changes)).await;
        assert!(outcome.is_ok(), "{what} is believed");
    }
}

#[tokio::test]
async fn only_asymmetric_signatures_count() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let claims = fake.claims(&json!({}));
    let encoded = |value: &Value| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let unsigned = Secret::new(format!(
        "{}.{}.",
        encoded(&json!({ "alg": "none", "kid": "first" })),
        encoded(&claims)
    ));
    assert!(
        refused(&iam, &unsigned)
            .await
            .contains("of a kind that we know")
    );
    // The public key as the secret of an HMAC, the classic.
    let key = jsonwebtoken::EncodingKey::from_secret(fake.key.public().to_string().as_bytes());
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some("first".to_owned());
    let forged = Secret::new(jsonwebtoken::encode(&header, &claims, &key).unwrap());
    assert!(refused(&iam, &forged).await.contains("asymmetric"));
    let stranger = Key::new("first").sign(&claims);
    assert!(
        refused(&iam, &stranger)
            .await
            .contains("signature is wrong")
    );
    let mut altered = fake.token(&json!({})).expose().to_owned();
    altered.replace_range(altered.len() - 4.., "AAAA");
    assert!(
        refused(&iam, &Secret::new(altered))
            .await
            .contains("signature is wrong")
    );
    let long = Secret::new(format!("a.{}.c", "b".repeat(20_000)));
    assert!(refused(&iam, &long).await.contains("too long"));
}

#[tokio::test]
async fn an_unknown_key_makes_us_look_again_but_not_often() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    iam.verify_access_token(&fake.token(&json!({})))
        .await
        .unwrap();
    let second = Key::new("second");
    let token = second.sign(&fake.claims(&json!({})));
    for _ in 0..5 {
        assert!(refused(&iam, &token).await.contains("not one of the IAM's"));
    }
    assert_eq!(fake.seen("/jwk").len(), 1, "they were read a moment ago");
    fake.clock.advance(SignedDuration::from_secs(10));
    for _ in 0..5 {
        refused(&iam, &token).await;
    }
    assert_eq!(fake.seen("/jwk").len(), 2);
    fake.set(
        "/jwk",
        200,
        json!({ "keys": [fake.key.public(), second.public()] }),
    );
    fake.clock.advance(SignedDuration::from_secs(10));
    iam.verify_access_token(&token).await.unwrap();
    assert_eq!(fake.seen("/jwk").len(), 3);
    assert_eq!(fake.seen("/.well-known/openid-configuration").len(), 1);
}

#[tokio::test]
async fn more_audiences_can_be_named() {
    let fake = Fake::start().await;
    let iam = fake.iam_with(|settings| settings.audiences = vec!["https://sky".to_owned()]);
    let token = fake.token(&json!({ "aud": "https://sky" }));
    assert!(iam.verify_access_token(&token).await.is_ok());
    let anybody = fake.token(&json!({ "aud": "https://wlcg.cern.ch/jwt/v1/any" }));
    refused(&iam, &anybody).await;
    let wlcg = fake.iam_with(|settings| settings.groups = GroupsClaim::Wlcg);
    assert!(wlcg.verify_access_token(&anybody).await.is_ok());
}

fn live() -> Value {
    json!({
        "active": true, "sub": "ada", "exp": NOW + 90, "scope": "openid", "token_type": "Bearer",
        "client_id": "another",
    })
}

#[tokio::test]
async fn an_opaque_token_is_introspected_and_the_answer_kept_for_a_minute() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    fake.set("/introspect", 200, live());
    let token = Secret::new("an-opaque-token");
    for _ in 0..3 {
        let claims = iam.verify_access_token(&token).await.unwrap();
        assert_eq!((claims.id.sub.as_str(), claims.scopes.len()), ("ada", 1));
    }
    let seen = fake.seen("/introspect");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].form["token"], "an-opaque-token");
    assert!(seen[0].authorization.starts_with("Basic "));
    fake.set("/introspect", 200, json!({ "active": false }));
    fake.clock.advance(SignedDuration::from_secs(59));
    iam.verify_access_token(&token).await.unwrap();
    fake.clock.advance(SignedDuration::from_secs(1));
    assert!(refused(&iam, &token).await.contains("revoked"));
    assert_eq!(fake.seen("/introspect").len(), 2);
}

#[tokio::test]
async fn an_introspected_token_is_held_to_the_same_rules() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    for (name, value, why) in [
        ("active", json!(false), "never was"),
        ("sub", json!(null), "names nobody"),
        ("sub", json!(""), "names nobody"),
        ("exp", json!(null), "when it ends"),
        ("exp", json!(NOW - 60), "has ended"),
        ("nbf", json!(NOW + 61), "not begun"),
        ("iss", json!("https://elsewhere"), "another issuer"),
        ("aud", json!("other"), "another service"),
        ("token_type", json!(null), "bearer"),
        ("token_type", json!("refresh_token"), "bearer"),
    ] {
        let mut answer = live();
        answer[name] = value;
        fake.set("/introspect", 200, answer);
        let error = refused(&iam, &Secret::new("opaque")).await;
        assert!(error.contains(why), "{name}: {error}");
    }
    let asked = fake.seen("/introspect").len();
    for odd in ["", "with blank", "umläut", &"x".repeat(5000)] {
        refused(&iam, &Secret::new(odd)).await;
    }
    assert_eq!(
        fake.seen("/introspect").len(),
        asked,
        "not worth a question"
    );
}

#[tokio::test]
async fn an_iam_that_does_not_answer_is_no_verdict_on_a_token() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    fake.set("/introspect", 503, json!({}));
    let error = iam
        .verify_access_token(&Secret::new("opaque"))
        .await
        .unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    fake.set("/jwk", 500, json!({}));
    let error = iam.verify_access_token(&fake.token(&json!({}))).await;
    assert!(error.unwrap_err().is_outage());
}
