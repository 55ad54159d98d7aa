//! EC2 credentials: made, listed, deleted.

use super::{Stand, listed, make, own, unmake};
use crate::{Caller, Error};

/// Deleting what is gone already is no error.
pub async fn a_credential_is_made_listed_and_deleted_once(stand: &Stand) {
    let (keystone, token, project) = stand.as_member().await;
    let made = make(&keystone, &token, &project).await;
    let other = make(&keystone, &token, &project).await;
    assert_ne!(made.access, other.access);
    assert_eq!(
        (&made.user_id, &made.project_id),
        (&token.user.id, &project.id)
    );
    for part in [made.access.as_str(), made.secret.expose()] {
        assert!(
            part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "32 hexadecimal characters"
        );
    }
    let list = keystone.list_ec2(Caller::Own, &token.user.id).await;
    let list = list.expect("the owner may list them");
    assert!(
        list.contains(&made) && list.contains(&other),
        "with the secrets"
    );
    unmake(&keystone, &made).await;
    let again = keystone
        .delete_ec2(Caller::Own, &token.user.id, &made.access)
        .await;
    assert_eq!(again, Ok(false), "it is gone");
    let left = listed(&keystone, &token.user.id).await;
    assert!(!left.contains(&made.access.to_string()));
    assert!(left.contains(&other.access.to_string()), "and only it");
    unmake(&keystone, &other).await;
}

/// Seeing, making and deleting are for the owner.
pub async fn a_member_has_no_say_over_others(stand: &Stand) {
    let (keystone, _, project) = stand.as_member().await;
    let admin = stand.client(&stand.admin).own().await;
    let other = admin.expect("the administrator can log in").user;
    let forbidden = |error: Error| error.status() == Some(403);
    let list = keystone.list_ec2(Caller::Own, &other.id).await;
    assert!(list.is_err_and(forbidden), "listing");
    let create = keystone.create_ec2(Caller::Own, &other.id, &project.id);
    assert!(create.await.is_err_and(forbidden), "making");
    let user = keystone.user(&other.id).await;
    assert!(user.is_err_and(forbidden), "looking up");
}

/// Seeing, making and deleting are for an administrator, too.
pub async fn an_administrator_has_a_say_over_others(stand: &Stand) {
    let (keystone, token, project) = stand.as_member().await;
    let admin = stand.client(&stand.admin);
    let (_, admins_project) = own(&admin).await;
    assert_ne!(admins_project, project, "from another project");
    let made = make(&keystone, &token, &project).await;
    let id = made.access.to_string();
    assert!(listed(&admin, &token.user.id).await.contains(&id));
    unmake(&admin, &made).await;
    assert!(!listed(&keystone, &token.user.id).await.contains(&id));
    let made = admin
        .create_ec2(Caller::Own, &token.user.id, &project.id)
        .await
        .expect("an administrator can make an EC2 credential for a member");
    assert_eq!(made.user_id, token.user.id);
    unmake(&admin, &made).await;
    let user = admin.user(&token.user.id).await;
    let user = user
        .expect("an administrator may look up users")
        .expect("the member is there");
    assert!(user.enabled && user.name == stand.member.username);
    // Somebody who was deleted.
    let nobody = "no-user-of-this-id";
    assert_eq!(admin.user(nobody).await, Ok(None));
    assert_eq!(listed(&admin, nobody).await, [""; 0]);
    let deleted = admin.delete_ec2(Caller::Own, nobody, &made.access).await;
    assert_eq!(deleted, Ok(false));
}
