//! What must not work.

use http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Stand, listed, make, unmake};
use crate::transport::Call;
use crate::{Caller, Error, Found, Keystone, Probe, Token};

/// What a Keystone does with `tenant_id`, which the standard says nothing about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignProject {
    /// It makes the credential, which opens nothing (Keystone 30).
    LetThrough,
    /// It refuses (the embedded one, which is stricter on purpose).
    Refused,
}

/// They may see theirs.
pub async fn a_reader_may_not_make_credentials(stand: &Stand) {
    let Some(reader) = &stand.reader else { return };
    let keystone = stand.client(reader);
    let (token, project) = super::own(&keystone).await;
    assert_eq!(token.roles, ["reader"]);
    assert_eq!(keystone.own_roles().await, Ok(token.roles.clone()));
    assert_eq!(listed(&keystone, &token.user.id).await, [""; 0]);
    let refused = keystone
        .create_ec2(Caller::Own, &token.user.id, &project.id)
        .await;
    assert!(
        matches!(refused, Err(Error::Refused { status: 403, .. })),
        "{refused:?}"
    );
}

/// And the trial leaves nothing behind.
pub async fn an_application_credential_may_not_make_credentials(stand: &Stand) {
    let (keystone, token, _) = stand.as_member().await;
    let before = belongings(&keystone, &token).await;
    assert_eq!(keystone.delegated_tokens_refused().await, Ok(all_is_well()));
    assert_eq!(belongings(&keystone, &token).await, before);
}

/// And the trial leaves nothing behind.
pub async fn a_signature_alone_gives_no_token(stand: &Stand) {
    let (keystone, token, _) = stand.as_member().await;
    let before = belongings(&keystone, &token).await;
    assert_eq!(
        keystone.unsigned_ec2_calls_refused().await,
        Ok(all_is_well())
    );
    assert_eq!(belongings(&keystone, &token).await, before);
}

/// A member can be given credentials for a project that they are not in, at some Keystones. Such a
/// one is nobody's.
pub async fn a_credential_for_a_foreign_project_opens_nothing(stand: &Stand) -> ForeignProject {
    let (keystone, token, _) = stand.as_member().await;
    let foreign = stand.foreign_id().await;
    match keystone
        .create_ec2(Caller::Own, &token.user.id, &foreign)
        .await
    {
        Err(Error::Refused { status: 403, .. }) => ForeignProject::Refused,
        Err(error) => panic!("neither made nor refused: {error}"),
        Ok(made) => {
            assert_eq!(made.project_id, foreign);
            let admin = stand.client(&stand.admin);
            assert_eq!(admin.identify_ec2(&made.access).await, Ok(None));
            unmake(&keystone, &made).await;
            ForeignProject::LetThrough
        }
    }
}

/// Otherwise an administrator's mistake would look like a person's.
pub async fn a_member_may_not_ask_who_signed(stand: &Stand) {
    let (keystone, token, project) = stand.as_member().await;
    let made = make(&keystone, &token, &project).await;
    let refused = keystone.identify_ec2(&made.access).await;
    unmake(&keystone, &made).await;
    assert!(
        matches!(refused, Err(Error::Refused { status: 403, .. })),
        "{refused:?}"
    );
}

fn all_is_well() -> Probe {
    Probe {
        found: Found::Refused,
        left_behind: Vec::new(),
    }
}

/// The user's EC2 credentials and the number of their application credentials.
async fn belongings(keystone: &Keystone, token: &Token) -> (Vec<String>, usize) {
    #[derive(Deserialize)]
    struct Envelope {
        application_credentials: Vec<IgnoredAny>,
    }
    let path = vec!["users", &token.user.id, "application_credentials"];
    let call = Call::new("list application credentials", Method::GET, path);
    let answer = keystone.call(Caller::Own, &call).await;
    let found: Envelope = answer
        .expect("the owner may list them")
        .json()
        .expect("a list");
    (
        listed(keystone, &token.user.id).await,
        found.application_credentials.len(),
    )
}
