//! Access tokens and refresh tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use skykey_types::{Secret, random_token};

use crate::{Iam, IamError, Login, Refreshed};

/// Tokens that this provider did not make are refused, and that is no outage: opaque ones, unsigned
/// ones, and one that is signed with the public key as the secret.
pub async fn refuses_foreign_token(iam: &Iam) {
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": iam.issuer(), "sub": "somebody", "aud": iam.settings.client_id,
        "iat": iam.clock.now().as_second(), "exp": iam.clock.now().as_second() + 600,
    });
    let signed = |algorithm: &str, signature: &str| {
        let header = json!({ "alg": algorithm, "typ": "at+jwt", "kid": "a-foreign-key" });
        format!("{}.{}.{signature}", encode(header), encode(claims.clone()))
    };
    let foreign = [
        random_token(43),
        "not.a.jwt".to_owned(),
        signed("none", ""),
        signed("HS256", "AAAA"),
        signed("RS256", "AAAA"),
    ];
    for token in foreign {
        let error = iam
            .verify_access_token(&Secret::new(&token))
            .await
            .expect_err("it is not this provider's");
        assert!(matches!(error, IamError::Token { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains(&token));
    }
}

/// Introspection knows a live access token, and none that nobody gave.
pub async fn introspection(iam: &Iam, login: &Login) {
    let claims = iam
        .introspect(&login.access_token)
        .await
        .expect("the access token is live");
    assert_eq!(claims.id, login.id);
    let error = iam
        .introspect(&Secret::new(random_token(43)))
        .await
        .expect_err("nobody gave it");
    assert!(matches!(error, IamError::Token { .. }), "{error:?}");
    if let Some(refresh_token) = &login.refresh_token {
        let error = iam
            .introspect(refresh_token)
            .await
            .expect_err("a refresh token is no access token");
        assert!(matches!(error, IamError::Token { .. }), "{error:?}");
    }
}

/// A revoked refresh token brings nothing any more, and revoking what is no token is a success (RFC 7009 §2.2).
pub async fn revocation(iam: &Iam, login: &Login) {
    let refresh_token = login
        .refresh_token
        .as_ref()
        .expect("the login asked for offline_access");
    for token in [refresh_token, &Secret::new(random_token(43)), refresh_token] {
        iam.revoke_refresh_token(token)
            .await
            .expect("it is ended, or was never one");
    }
    let error = iam.refresh(refresh_token).await.expect_err("it was ended");
    assert_eq!(error, IamError::NoLongerVouched);
}

/// A refresh token brings a new access token, and none comes of one that nobody gave. The answer is
/// what to go on with.
pub async fn refresh(iam: &Iam, login: &Login) -> Refreshed {
    let refresh_token = login
        .refresh_token
        .as_ref()
        .expect("the login asked for offline_access");
    let refreshed = iam.refresh(refresh_token).await.expect("it is renewed");
    assert!(refreshed.expires > iam.clock.now());
    let claims = iam
        .verify_access_token(&refreshed.access_token)
        .await
        .expect("the new access token is believed");
    assert_eq!(claims.id, login.id);
    let error = iam
        .refresh(&Secret::new(random_token(43)))
        .await
        .expect_err("nobody gave it");
    assert_eq!(error, IamError::NoLongerVouched);
    refreshed
}

/// After `end`, which takes the account away, a refresh token brings nothing, and the provider says
/// so.
pub async fn no_longer_vouches(iam: &Iam, refresh_token: &Secret, end: impl AsyncFnOnce()) {
    end().await;
    let error = iam
        .refresh(refresh_token)
        .await
        .expect_err("the account is gone");
    assert_eq!(error, IamError::NoLongerVouched);
}
