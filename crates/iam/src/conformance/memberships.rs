//! Memberships.

use std::collections::BTreeSet;

use skykey_types::{GroupPath, Secret, SubjectId, random_token};

use crate::{Iam, IamError};

/// SCIM knows the person's groups, and nobody by a `sub` that was never given.
pub async fn scim(iam: &Iam, id: &SubjectId, groups: &[&str]) {
    let person = iam
        .person(&id.sub)
        .await
        .expect("SCIM answers")
        .expect("the person is there");
    assert_eq!(person.id, *id);
    assert_eq!(person.groups, parsed(groups));
    assert!(person.active);
    let nobody = iam.person("00000000-0000-4000-8000-000000000000").await;
    assert_eq!(nobody.expect("SCIM answers"), None);
}

/// Userinfo knows the person's groups, as they are now; it refuses a token that nobody gave, and is
/// not taken to tell of somebody else.
pub async fn userinfo(iam: &Iam, id: &SubjectId, access_token: &Secret, groups: &[&str]) {
    let person = iam
        .person_by_userinfo(id, access_token)
        .await
        .expect("userinfo answers")
        .expect("the person is there");
    assert_eq!(person.id, *id);
    assert_eq!(person.groups, parsed(groups));
    assert!(person.active && !person.username.is_empty());
    let error = iam
        .person_by_userinfo(id, &Secret::new(random_token(43)))
        .await
        .expect_err("nobody gave the token");
    assert!(matches!(error, IamError::Token { .. }), "{error:?}");
    let other = SubjectId {
        issuer: id.issuer.clone(),
        sub: "somebody-else".to_owned(),
    };
    let error = iam
        .person_by_userinfo(&other, access_token)
        .await
        .expect_err("it tells of somebody else");
    assert!(matches!(error, IamError::Unexpected { .. }), "{error:?}");
}

fn parsed(groups: &[&str]) -> BTreeSet<GroupPath> {
    let parse = |group: &&str| group.parse().expect("a test names its groups well");
    groups.iter().map(parse).collect()
}
