//! Logging in, and what a token is good for.

use skykey_types::Secret;

use super::Stand;
use crate::{Caller, Error, Login, ProjectRef};

fn refused<T>(outcome: Result<T, Error>, status: u16) -> Error {
    match outcome {
        Err(error) if error.status() == Some(status) => error,
        Err(error) => panic!("expected a refusal with {status}: {error}"),
        Ok(_) => panic!("expected a refusal with {status}, and it was done"),
    }
}

/// The number that Keystone gives itself is that of the API.
pub async fn the_version_is_one_of_api_3(stand: &Stand) {
    let version = stand.client(&stand.member).version().await;
    let version = version.expect("anybody may ask for the version");
    assert!(version.id.starts_with("v3."), "{version:?}");
    assert_eq!(version.status, "stable");
}

/// A login with a password and a project is a token with the user's roles there.
pub async fn a_password_opens_a_project(stand: &Stand) {
    let (_, token, project) = stand.as_member().await;
    assert_eq!(token.user.name, stand.member.username);
    assert_eq!(
        Some(project.name),
        stand
            .member
            .project
            .as_ref()
            .map(|project| project.name.clone())
    );
    for role in ["member", "reader"] {
        assert!(
            token.roles.iter().any(|has| has == role),
            "{:?}",
            token.roles
        );
    }
    assert!(token.expires > stand.clock.now());
}

/// It finds the projects of the user, in which they then can log in.
pub async fn a_login_for_no_project_gives_no_right(stand: &Stand) {
    let keystone = stand.client(&Login {
        project: None,
        ..stand.member.clone()
    });
    let token = keystone.own().await.expect("a login needs no project");
    assert_eq!((token.project, token.roles), (None, Vec::new()));
    assert_eq!(keystone.own_roles().await, Ok(Vec::new()));
    let projects = keystone
        .projects(Caller::Own)
        .await
        .expect("everybody may list their own projects");
    let named = |wanted: &ProjectRef| projects.iter().find(|found| found.name == wanted.name);
    assert!(named(&stand.second).is_some() && named(&stand.foreign).is_none());
    let home = stand.member.project.as_ref().and_then(named);
    let home = home.expect("the member's project is among them");
    refused(
        keystone
            .create_ec2(Caller::Own, &token.user.id, &home.id)
            .await,
        403,
    );
}

/// And so is a user whom nobody knows; the password is not in the words.
pub async fn a_wrong_password_is_refused(stand: &Stand) {
    let wrong = Login {
        password: Secret::new("hunter2 hunter2 hunter2"),
        ..stand.member.clone()
    };
    let unknown = Login {
        username: "nobody-of-this-name".to_owned(),
        ..wrong.clone()
    };
    let elsewhere = Login {
        user_domain: "no-domain-of-this-name".to_owned(),
        ..stand.member.clone()
    };
    for login in [wrong, unknown, elsewhere] {
        let error = refused(stand.client(&login).own().await, 401);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

/// Whether it exists or not, so that nobody can find out.
pub async fn a_project_without_a_role_is_refused(stand: &Stand) {
    let nowhere = ProjectRef {
        name: "no-project-of-this-name".to_owned(),
        ..stand.foreign.clone()
    };
    for project in [stand.foreign.clone(), nowhere] {
        let login = Login {
            project: Some(project),
            ..stand.member.clone()
        };
        refused(stand.client(&login).own().await, 401);
    }
}

/// From a token for no project to one for a project, for members of it.
pub async fn a_token_is_exchanged_for_one_of_a_project(stand: &Stand) {
    let keystone = stand.client(&Login {
        project: None,
        ..stand.member.clone()
    });
    let first = keystone.own().await.expect("a login needs no project");
    let projects = keystone
        .projects(Caller::Token(&first.token))
        .await
        .expect("everybody may list their own projects");
    let second = projects
        .into_iter()
        .find(|project| project.name == stand.second.name)
        .expect("the second project is among them");
    let scoped = keystone.scope(&first.token, &second.id).await;
    let scoped = scoped.expect("a member gets a token for the project");
    assert_eq!(
        (&scoped.user, &scoped.project),
        (&first.user, &Some(second))
    );
    assert!(scoped.roles.iter().any(|role| role == "member"));
    assert_eq!(scoped.expires, first.expires, "it lives no longer");
    let foreign = stand.foreign_id().await;
    refused(keystone.scope(&first.token, &foreign).await, 401);
    refused(
        keystone.scope(&first.token, "no-project-of-this-id").await,
        401,
    );
}

/// A token that was ended is not found again, and opens nothing.
pub async fn an_ended_token_is_refused(stand: &Stand) {
    let keystone = stand.client(&stand.member);
    let token = keystone.password_token(&stand.member).await;
    let token = token.expect("the member can log in").token;
    assert_eq!(keystone.revoke_token(Caller::Own, &token).await, Ok(true));
    assert_eq!(keystone.revoke_token(Caller::Own, &token).await, Ok(false));
    refused(keystone.projects(Caller::Token(&token)).await, 401);
    let nonsense = Secret::new("nonsense");
    refused(keystone.projects(Caller::Token(&nonsense)).await, 401);
}

/// A member may not look for what they are not in.
pub async fn an_administrator_finds_projects_by_name(stand: &Stand) {
    let admin = stand.client(&stand.admin);
    let found = admin.project_by_name(&stand.foreign).await;
    let found = found.expect("an administrator may look up projects");
    assert_eq!(
        found.map(|project| project.name).as_ref(),
        Some(&stand.foreign.name)
    );
    for nowhere in [
        ProjectRef {
            name: "no-project-of-this-name".to_owned(),
            ..stand.foreign.clone()
        },
        ProjectRef {
            domain: "no-domain-of-this-name".to_owned(),
            ..stand.foreign.clone()
        },
    ] {
        assert_eq!(admin.project_by_name(&nowhere).await, Ok(None));
    }
    let member = stand.client(&stand.member);
    refused(member.project_by_name(&stand.foreign).await, 403);
}
