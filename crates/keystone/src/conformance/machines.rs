//! Tokens for application credentials, and what an administrator is told of a token.

use http::Method;
use serde::Deserialize;
use serde_json::json;
use skykey_types::{Secret, random_token};

use super::Stand;
use crate::transport::Call;
use crate::{ApplicationCredential, Caller, Error, Keystone, MachineLogin, Token};

/// The token is the member's, names the credential that made it, and nothing else made it.
pub async fn an_application_credentials_token_says_whose_it_is(stand: &Stand) {
    let (keystone, own, project) = stand.as_member().await;
    let admin = stand.client(&stand.admin);
    for unrestricted in [false, true] {
        let made = make(&keystone, &own, unrestricted).await;
        let login = MachineLogin::new(&stand.url, None, made.clone()).expect("the address is good");
        let token = login.token().await.expect("a live credential logs in");
        assert_eq!(
            (&token.user, &token.project),
            (&own.user, &Some(project.clone()))
        );
        assert!(token.expires > stand.clock.now());
        let shown = admin.shown_token(&token.token).await;
        let shown = shown
            .expect("an administrator may ask")
            .expect("it is live");
        assert_eq!((&shown.user, shown.expires), (&own.user, token.expires));
        assert_eq!(shown.methods, ["application_credential"]);
        let by = shown.application_credential.expect("it is named");
        assert_eq!((&by.id, by.restricted), (&made.id, !unrestricted));

        let wrong = ApplicationCredential {
            secret: Secret::new("hunter2"),
            ..made.clone()
        };
        let wrong = MachineLogin::new(&stand.url, None, wrong).expect("the address is good");
        let refused = wrong.token().await;
        assert!(
            matches!(refused, Err(Error::Refused { status: 401, .. })),
            "{refused:?}"
        );

        unmake(&keystone, &own, &made.id).await;
        let refused = login.token().await;
        assert!(
            matches!(refused, Err(Error::NotFound { .. })),
            "{refused:?}"
        );
        assert_eq!(
            admin.shown_token(&token.token).await,
            Ok(None),
            "it ended with its credential"
        );
    }
}

/// A password's token says so, and one that never was is nobody's.
pub async fn other_tokens_say_how_they_were_made(stand: &Stand) {
    let (_, own, _) = stand.as_member().await;
    let admin = stand.client(&stand.admin);
    let shown = admin.shown_token(&own.token).await;
    let shown = shown
        .expect("an administrator may ask")
        .expect("it is live");
    assert_eq!(
        (shown.user, shown.methods),
        (own.user, vec!["password".to_owned()])
    );
    assert_eq!(shown.application_credential, None);
    assert_eq!(
        admin.shown_token(&Secret::new(random_token(180))).await,
        Ok(None)
    );
}

/// Otherwise whoever finds a token could learn whose it is.
pub async fn a_member_is_not_told_about_others_tokens(stand: &Stand) {
    let (keystone, _, _) = stand.as_member().await;
    let admins = stand
        .client(&stand.admin)
        .own()
        .await
        .expect("an administrator can log in");
    let refused = keystone.shown_token(&admins.token).await;
    assert!(
        matches!(refused, Err(Error::Refused { status: 403, .. })),
        "{refused:?}"
    );
}

async fn make(keystone: &Keystone, own: &Token, unrestricted: bool) -> ApplicationCredential {
    #[derive(Deserialize)]
    struct Envelope {
        application_credential: ApplicationCredential,
    }
    let path = vec!["users", &own.user.id, "application_credentials"];
    let mut call = Call::new("make an application credential", Method::POST, path);
    call.body = Some(json!({"application_credential": {
        "name": format!("skykey-trial-{}", random_token(16)),
        "roles": [{"name": "reader"}],
        "unrestricted": unrestricted,
    }}));
    let answer = keystone.call(Caller::Own, &call).await;
    let made: Envelope = answer
        .expect("a member may make one")
        .json()
        .expect("it is described");
    made.application_credential
}

async fn unmake(keystone: &Keystone, own: &Token, id: &str) {
    let path = vec!["users", &own.user.id, "application_credentials", id];
    let call = Call::new("delete the application credential", Method::DELETE, path);
    keystone
        .call(Caller::Own, &call)
        .await
        .expect("the owner may delete it");
}
