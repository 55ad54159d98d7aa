//! The client's own token, as Keystone gives and ends it.

use skykey_upstream::UpstreamMetrics;
use tokio::task::JoinSet;

use super::Stand;
use crate::{Caller, Login, SYSTEM};

fn logins(metrics: &UpstreamMetrics) -> u64 {
    metrics.attempts(SYSTEM, "log in at Keystone with a password")
}

/// A password costs Keystone half a second of a core.
pub async fn many_at_once_make_one_login(stand: &Stand) {
    let (keystone, metrics) = stand.counted(&stand.member);
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let keystone = keystone.clone();
        tasks.spawn(async move { keystone.projects(Caller::Own).await });
    }
    for projects in tasks.join_all().await {
        assert!(!projects.expect("projects are listed").is_empty());
    }
    assert_eq!(logins(&metrics), 1);
}

/// Somebody ends it behind our back, or Keystone changes its keys: nobody notices.
pub async fn an_own_token_that_was_ended_is_replaced(stand: &Stand) {
    let (keystone, metrics) = stand.counted(&stand.member);
    let first = keystone.own().await.expect("the member can log in").token;
    let ended = keystone.revoke_token(Caller::Token(&first), &first).await;
    assert_eq!(ended, Ok(true));
    let projects = keystone.projects(Caller::Own).await;
    assert!(!projects.expect("projects are listed").is_empty());
    let second = keystone.own().await.expect("the member can log in").token;
    assert_ne!(first, second);
    assert_eq!(logins(&metrics), 2);
    let ended = keystone.revoke_token(Caller::Token(&second), &second).await;
    assert_eq!(ended, Ok(true));
    let roles = keystone.own_roles().await.expect("a new token is got");
    assert!(roles.iter().any(|role| role == "member"));
    assert_eq!(logins(&metrics), 3);
}

/// They share the connections and nothing else.
pub async fn each_user_and_project_has_a_token_of_its_own(stand: &Stand) {
    let (first, metrics) = stand.counted(&stand.member);
    let second = first.as_user(Login {
        project: Some(stand.second.clone()),
        ..stand.member.clone()
    });
    for _ in 0..2 {
        for (keystone, project) in [
            (&first, stand.member.project.as_ref()),
            (&second, Some(&stand.second)),
        ] {
            let token = keystone.own().await.expect("the member can log in");
            assert_eq!(
                token.project.map(|project| project.name),
                project.map(|project| project.name.clone())
            );
        }
    }
    assert_eq!(logins(&metrics), 2);
}
