//! Who an EC2 credential is.

use skykey_types::AccessKeyId;

use super::{Stand, make, own, unmake};
use crate::transport::Call;
use crate::{Caller, Error, Keystone, ec2_signature};

/// Keystone believes the signatures that are used to ask it, and to try what it refuses.
pub async fn a_service_learns_who_signed(stand: &Stand) {
    let (keystone, token, project) = stand.as_member().await;
    let made = make(&keystone, &token, &project).await;
    let admin = stand.client(&stand.admin);
    let now = stand.clock.now();
    for (path, body) in [
        (
            "s3tokens",
            ec2_signature::for_s3tokens(&made.access, &made.secret, now),
        ),
        (
            "ec2tokens",
            ec2_signature::for_ec2tokens(&made.access, &made.secret, now),
        ),
    ] {
        let call = Call::asking("ask who signed", vec![path], Some(body.clone()));
        let answer = admin.call(Caller::Own, &call).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        let who = answer.token_body().expect("a token is described");
        assert_eq!(
            (who.user, who.project),
            (token.user.clone(), Some(project.clone()))
        );
        if let Some(token) = &answer.subject_token {
            let ended = admin.revoke_token(Caller::Own, token).await;
            assert_eq!(ended, Ok(true));
        }
        let mut altered = body;
        altered["credentials"]["signature"] = "0".repeat(64).into();
        let call = Call::asking("ask who signed", vec![path], Some(altered));
        let refused = refusal(&admin, &call).await;
        assert_eq!(refused, Some(401), "{path} with another signature");
    }
    unmake(&keystone, &made).await;
}

async fn refusal(admin: &Keystone, call: &Call<'_>) -> Option<u16> {
    let outcome = admin.call(Caller::Own, call).await;
    outcome.err().as_ref().and_then(Error::status)
}

/// With its secret, and with its owner's roles.
pub async fn a_live_credential_is_identified(stand: &Stand) {
    let (keystone, token, project) = stand.as_member().await;
    let made = make(&keystone, &token, &project).await;
    let found = stand.client(&stand.admin).identify_ec2(&made.access).await;
    let found = found
        .expect("an administrator may ask")
        .expect("the credential is there");
    assert_eq!(found.secret, made.secret);
    assert_eq!(
        (&found.user_id, &found.user_name),
        (&token.user.id, &token.user.name)
    );
    assert_eq!(
        (&found.project_id, &found.project_name),
        (&project.id, &project.name)
    );
    assert!(found.roles.iter().any(|role| role == "member"));
    unmake(&keystone, &made).await;
}

/// At once, and so is one that never was.
pub async fn a_deleted_credential_is_nobodys(stand: &Stand) {
    let (keystone, token, project) = stand.as_member().await;
    let made = make(&keystone, &token, &project).await;
    let admin = stand.client(&stand.admin);
    unmake(&keystone, &made).await;
    assert_eq!(admin.identify_ec2(&made.access).await, Ok(None));
    let never = AccessKeyId::new("0123456789abcdef0123456789abcdef");
    assert_eq!(admin.identify_ec2(&never).await, Ok(None));
}

/// Neither are their credentials anybody's, nor can they log in. Once only: it ends the doomed user.
pub async fn a_disabled_user_is_nobody(stand: &Stand) {
    let keystone = stand.client(&stand.doomed);
    let (token, project) = own(&keystone).await;
    let made = make(&keystone, &token, &project).await;
    let admin = stand.client(&stand.admin);
    let found = admin.identify_ec2(&made.access).await;
    assert!(found.is_ok_and(|found| found.is_some()));
    (stand.disable)().await;
    assert_eq!(admin.identify_ec2(&made.access).await, Ok(None));
    let refused = keystone.projects(Caller::Own).await;
    assert_eq!(refused.err().and_then(|error| error.status()), Some(401));
    unmake(&admin, &made).await;
}
