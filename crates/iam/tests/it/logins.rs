//! Logins: by code, by device code, and their renewal.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use skykey_iam::{DevicePoll, GroupsClaim, IamError, MembershipSource};
use skykey_types::{Secret, SignedDuration};

use crate::fake::{CLIENT, Fake, Key, NOW, in_url, text};

const CODE: &str = "the-code-that-came-back";

#[tokio::test]
async fn a_login_ends_with_who_it_is() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let start = iam.begin_login().await.unwrap();
    assert!(
        start
            .url
            .as_str()
            .starts_with(&format!("{}/authorize?", fake.issuer))
    );
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", "http://127.0.0.1:8080/callback"),
        ("scope", "openid profile"),
        ("state", start.state.expose()),
        ("code_challenge_method", "S256"),
        ("prompt", ""),
    ] {
        assert_eq!(in_url(&start.url, name), value, "{name}");
    }
    let more = json!({ "preferred_username": "ada", "name": "Ada Lovelace", "sub": "1815" });
    let mut answer = fake.login_answer(&start, &more);
    answer["refresh_token"] = json!("a-refresh-token");
    fake.set("/token", 200, answer);
    let login = iam.finish_login(&start, &Secret::new(CODE)).await.unwrap();
    assert_eq!(
        (login.id.sub.as_str(), login.id.issuer.as_str()),
        ("1815", iam.issuer())
    );
    assert_eq!(
        (login.username.as_str(), login.name.as_str()),
        ("ada", "Ada Lovelace")
    );
    assert_eq!(login.expires.as_second(), NOW + 3600);
    assert_eq!(login.refresh_token, Some(Secret::new("a-refresh-token")));
    let seen = fake.seen("/token").remove(0);
    assert_eq!(seen.form["code"], CODE);
    assert_eq!(seen.form["grant_type"], "authorization_code");
    let hash = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        seen.form["code_verifier"].as_bytes(),
    );
    assert_eq!(
        in_url(&start.url, "code_challenge"),
        URL_SAFE_NO_PAD.encode(hash)
    );
    let pair = STANDARD.encode("skykey:the-client%27s-secret%3A+1");
    assert_eq!(seen.authorization, format!("Basic {pair}"));
}

#[tokio::test]
async fn what_is_wrong_with_an_id_token_is_said() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let start = iam.begin_login().await.unwrap();
    for (changes, why) in [
        (json!({ "iss": "https://elsewhere" }), "another issuer"),
        (json!({ "aud": "other" }), "another client"),
        (json!({ "aud": null }), "another client"),
        (json!({ "aud": [CLIENT, "other"] }), "does not say whose"),
        (json!({ "azp": "other" }), "to another client"),
        (json!({ "exp": NOW - 60 }), "has ended"),
        (json!({ "iat": NOW + 61 }), "not begun"),
        (json!({ "nonce": null }), "another login"),
        (json!({ "nonce": "replayed" }), "another login"),
        (
            json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }),
            "another access token",
        ),
    ] {
        fake.set("/token", 200, fake.login_answer(&start, &changes));
        let error = iam
            .finish_login(&start, &Secret::new(CODE))
            .await
            .unwrap_err();
        assert!(matches!(error, IamError::Login { .. }), "{error:?}");
        let error = text(&error, &[CODE, "an-access-token"]);
        assert!(error.contains(why), "{changes}: {error}");
    }
    for changes in [
        json!({ "aud": [CLIENT, "other"], "azp": CLIENT }),
        json!({ "exp": NOW - 59 }),
        // base64url of the left half of SHA-256 of the access token.
        json!({ "at_hash": URL_SAFE_NO_PAD.encode(&aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA256, b"an-access-token").as_ref()[..16]) }),
    ] {
        fake.set("/token", 200, fake.login_answer(&start, &changes));
        let login = iam.finish_login(&start, &Secret::new(CODE)).await;
        assert!(login.is_ok(), "{changes}: {login:?}");
    }
    let mut answer = fake.login_answer(&start, &json!({}));
    answer["id_token"] = json!(
        Key::new("first")
            .sign(&fake.claims(&json!({ "aud": CLIENT })))
            .expose()
    );
    fake.set("/token", 200, answer.clone());
    let error = iam
        .finish_login(&start, &Secret::new(CODE))
        .await
        .unwrap_err();
    assert!(text(&error, &[CODE]).contains("signature is wrong"));
    answer.as_object_mut().unwrap().remove("id_token");
    fake.set("/token", 200, answer);
    let error = iam
        .finish_login(&start, &Secret::new(CODE))
        .await
        .unwrap_err();
    assert!(text(&error, &[CODE]).contains("no id token"));
}

#[tokio::test]
async fn a_code_is_sent_once_and_a_refused_one_is_not_in_the_error() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let start = iam.begin_login().await.unwrap();
    fake.set("/token", 503, json!({}));
    let error = iam
        .finish_login(&start, &Secret::new(CODE))
        .await
        .unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    assert_eq!(fake.seen("/token").len(), 1);
    fake.set(
        "/token",
        400,
        json!({ "error": "invalid_grant", "error_description": CODE }),
    );
    let error = iam
        .finish_login(&start, &Secret::new(CODE))
        .await
        .unwrap_err();
    assert!(matches!(error, IamError::Login { .. }), "{error:?}");
    text(&error, &[CODE]);
    let quoting =
        json!({ "error": "invalid_client", "error_description": format!("bad\n{CODE}!") });
    fake.set("/token", 401, quoting);
    let error = iam
        .finish_login(&start, &Secret::new(CODE))
        .await
        .unwrap_err();
    assert_eq!(
        text(&error, &[CODE]),
        "cannot finish a login: the IAM answered with HTTP 401 (invalid_client: bad [redacted]!)"
    );
}

#[tokio::test]
async fn scopes_follow_the_profile_and_the_source_of_memberships() {
    let fake = Fake::start().await;
    for (groups, membership, more, scope, prompt) in [
        (
            "wlcg",
            MembershipSource::Auto,
            vec![],
            "openid profile wlcg.groups",
            "",
        ),
        (
            "aarc",
            MembershipSource::Scim,
            vec![],
            "openid profile eduperson_entitlement",
            "",
        ),
        (
            "claim:roles",
            MembershipSource::Userinfo,
            vec!["roles", "openid"],
            "openid profile offline_access roles",
            "consent",
        ),
    ] {
        let iam = fake.iam_with(|settings| {
            settings.groups = groups.parse::<GroupsClaim>().unwrap();
            settings.membership = membership;
            settings.scopes = more.into_iter().map(str::to_owned).collect();
        });
        let url = iam.begin_login().await.unwrap().url;
        assert_eq!(in_url(&url, "scope"), scope);
        assert_eq!(in_url(&url, "prompt"), prompt);
    }
}

#[tokio::test]
async fn a_renewal_is_one_try_and_its_no_is_no_outage() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    let old = Secret::new("the-old-refresh-token");
    let answer = json!({ "access_token": "new", "token_type": "Bearer", "expires_in": "60", "refresh_token": "next" });
    fake.set("/token", 200, answer);
    let refreshed = iam.refresh(&old).await.unwrap();
    assert_eq!(refreshed.access_token, Secret::new("new"));
    assert_eq!(refreshed.refresh_token, Some(Secret::new("next")));
    assert_eq!(refreshed.expires.as_second(), NOW + 60);
    let same =
        json!({ "access_token": "new", "token_type": "Bearer", "refresh_token": old.expose() });
    fake.set("/token", 200, same);
    assert_eq!(iam.refresh(&old).await.unwrap().refresh_token, None);
    let no = json!({ "error": "invalid_grant", "error_description": format!("Invalid refresh token: {}", old.expose()) });
    fake.set("/token", 400, no);
    let error = iam.refresh(&old).await.unwrap_err();
    assert_eq!(error, IamError::NoLongerVouched);
    assert!(!error.is_outage());
    for (status, code, words, no) in [
        (401, "invalid_token", "Invalid refresh token", true),
        (401, "unauthorized", "User ada is not active.", true),
        (401, "unauthorized", "Bad credentials", false),
        (401, "invalid_client", "", false),
        (400, "invalid_request", "", false),
    ] {
        let body = json!({ "error": code, "error_description": words });
        fake.set("/token", status, body);
        let error = iam.refresh(&old).await.unwrap_err();
        assert_eq!(error == IamError::NoLongerVouched, no, "{error:?}");
        assert!(!error.is_outage());
    }
    let asked = fake.seen("/token").len();
    let why = json!({ "error": "server_error", "error_description": old.expose() });
    fake.set("/token", 500, why);
    let error = iam.refresh(&old).await.unwrap_err();
    assert!(error.is_outage());
    text(&error, &[old.expose()]);
    assert_eq!(
        fake.seen("/token").len(),
        asked + 1,
        "it may have been spent"
    );
    let other = json!({ "access_token": "new", "token_type": "DPoP" });
    fake.set("/token", 200, other);
    let error = iam.refresh(&old).await.unwrap_err();
    assert!(text(&error, &[]).contains("not a bearer token"));
}

#[tokio::test]
async fn a_login_that_is_to_be_renewed_asks_for_it_and_for_consent() {
    let fake = Fake::start().await;
    let start = fake.iam().begin_renewable_login().await.unwrap();
    assert_eq!(in_url(&start.url, "scope"), "openid profile offline_access");
    assert_eq!(in_url(&start.url, "prompt"), "consent");
}

#[tokio::test]
async fn a_token_is_ended_at_the_iam() {
    let fake = Fake::start().await;
    let token = Secret::new("the-refresh-token");
    fake.set("/revoke", 200, json!({}));
    let iam = fake.iam_with(|settings| settings.client_secret = None);
    iam.revoke_refresh_token(&token).await.unwrap();
    iam.revoke_access_token(&Secret::new("the-access-token"))
        .await
        .unwrap();
    let seen = fake.seen("/revoke");
    assert_eq!(seen[0].form["token"], token.expose());
    assert_eq!(seen[0].form["token_type_hint"], "refresh_token");
    assert_eq!(seen[0].form["client_id"], CLIENT);
    assert_eq!(seen[0].authorization, "");
    assert_eq!(seen[1].form["token_type_hint"], "access_token");
}

#[tokio::test]
async fn a_token_that_cannot_be_ended_is_said_without_it() {
    let fake = Fake::start().await;
    let token = Secret::new("the-refresh-token");
    let no = json!({ "error": "invalid_client", "error_description": format!("no: {}", token.expose()) });
    fake.set("/revoke", 401, no);
    let error = fake.iam().revoke_refresh_token(&token).await.unwrap_err();
    assert!(!error.is_outage());
    text(&error, &[token.expose()]);
    fake.set("/revoke", 503, json!({}));
    let error = fake.iam().revoke_refresh_token(&token).await.unwrap_err();
    assert!(error.is_outage());
    let mut document = fake.discovery();
    document
        .as_object_mut()
        .unwrap()
        .remove("revocation_endpoint");
    fake.set("/.well-known/openid-configuration", 200, document);
    let asked = fake.seen("/revoke").len();
    let error = fake.iam().revoke_refresh_token(&token).await.unwrap_err();
    assert!(error.to_string().contains("revocation_endpoint"), "{error}");
    assert_eq!(fake.seen("/revoke").len(), asked);
}

#[tokio::test]
async fn a_client_secret_goes_into_the_form_where_nothing_else_is_known() {
    let fake = Fake::start().await;
    let mut discovery = fake.discovery();
    discovery["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    fake.set("/.well-known/openid-configuration", 200, discovery);
    fake.set("/token", 400, json!({ "error": "invalid_grant" }));
    fake.iam().refresh(&Secret::new("x")).await.unwrap_err();
    let seen = fake.seen("/token").remove(0);
    assert_eq!(
        (seen.authorization.as_str(), seen.form["client_id"].as_str()),
        ("", CLIENT)
    );
    assert!(seen.form.contains_key("client_secret"));
}

#[tokio::test]
async fn a_public_client_is_told_by_its_id_alone() {
    for methods in [
        json!(["client_secret_basic"]),
        json!(["client_secret_post"]),
    ] {
        let fake = Fake::start().await;
        let mut discovery = fake.discovery();
        discovery["token_endpoint_auth_methods_supported"] = methods;
        fake.set("/.well-known/openid-configuration", 200, discovery);
        fake.set("/token", 400, json!({ "error": "invalid_grant" }));
        let iam = fake.iam_with(|settings| settings.client_secret = None);
        iam.refresh(&Secret::new("x")).await.unwrap_err();
        let seen = fake.seen("/token").remove(0);
        assert_eq!(
            (seen.authorization.as_str(), seen.form["client_id"].as_str()),
            ("", CLIENT)
        );
        assert!(!seen.form.contains_key("client_secret"));
    }
}

#[tokio::test]
async fn a_device_waits_until_the_person_has_answered() {
    let fake = Fake::start().await;
    let iam = fake.iam();
    fake.set(
        "/devicecode",
        200,
        json!({
            "device_code": "the-device-code", "user_code": "BCDF-GHJK", "expires_in": 600,
            "verification_uri": format!("{}/device", fake.issuer),
        }),
    );
    let start = iam.begin_device(&["email"]).await.unwrap();
    assert_eq!(start.user_code, "BCDF-GHJK");
    assert_eq!(start.interval, SignedDuration::from_secs(5));
    assert!(!format!("{start:?}").contains("the-device-code"));
    assert_eq!(
        fake.seen("/devicecode")[0].form["scope"],
        "openid profile email"
    );
    let says = |code: &str| (400, json!({ "error": code }));
    let done = json!({
        "access_token": "an-access-token", "token_type": "Bearer",
        "id_token": fake.token(&json!({ "aud": CLIENT })).expose(),
    });
    fake.script(
        "/token",
        vec![
            says("authorization_pending"),
            says("slow_down"),
            says("access_denied"),
            says("expired_token"),
            says("invalid_grant"),
            (200, done),
        ],
    );
    assert!(matches!(
        iam.poll_device(&start).await,
        Ok(DevicePoll::Pending)
    ));
    assert!(matches!(
        iam.poll_device(&start).await,
        Ok(DevicePoll::SlowDown)
    ));
    assert!(matches!(
        iam.poll_device(&start).await,
        Ok(DevicePoll::Denied)
    ));
    assert!(matches!(
        iam.poll_device(&start).await,
        Ok(DevicePoll::Expired)
    ));
    let error = iam.poll_device(&start).await.unwrap_err();
    text(&error, &["the-device-code"]);
    match iam.poll_device(&start).await.unwrap() {
        DevicePoll::Done(login) => assert_eq!(login.id.sub, "ada"),
        other => panic!("{other:?}"),
    }
    fake.clock.advance(SignedDuration::from_secs(600));
    let asked = fake.seen("/token").len();
    assert!(matches!(
        iam.poll_device(&start).await,
        Ok(DevicePoll::Expired)
    ));
    assert_eq!(fake.seen("/token").len(), asked);
}
