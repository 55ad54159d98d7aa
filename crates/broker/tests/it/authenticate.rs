//! Whose key it is, and whether it still opens anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use skykey_broker::{Denied, Kind};
use skykey_sts::TokenError;
use skykey_types::{Access, AccessKeyId, LeaseId, Limit, Method, RequestId, Secret};

use skykey_testkit::broker::{BACKEND, Mood};
use skykey_testkit::broker::{World, caller, demo, demo_for, subject};

#[tokio::test]
async fn a_session_token_that_was_altered_does_not_open() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    let token = issued.credentials.session_token.as_ref().unwrap().expose();
    let key = &issued.credentials.access_key_id;
    let last = if token.ends_with('A') { "B" } else { "A" };
    let middle = token.len() / 2;
    let swapped_case = |c: &str| if c == "A" { "B" } else { "A" };
    let altered = [
        String::new(),
        "skykey1.".to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!(
            "{}{last}{}",
            &token[..token.len() - 2],
            &token[token.len() - 1..]
        ),
        format!(
            "{}{}{}",
            &token[..middle],
            swapped_case(&token[middle..=middle]),
            &token[middle + 1..]
        ),
        token.replacen("skykey1", "skykey2", 1),
    ];
    for altered in altered.iter().filter(|altered| *altered != token) {
        let denied = world
            .broker
            .authenticate(key, Some(altered), &RequestId::new())
            .await
            .unwrap_err();
        assert!(matches!(denied, Denied::BadToken(_)), "{altered}");
        assert_eq!(denied.code(), "bad_token");
    }
    world
        .broker
        .authenticate(key, Some(token), &RequestId::new())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_session_token_opens_only_with_its_own_key() {
    let world = World::new().await;
    let one = world
        .issue("alice", &demo(Method::Gateway))
        .await
        .credentials;
    let two = world.issue("bob", &demo(Method::Gateway)).await.credentials;
    let token = one.session_token.as_ref().map(Secret::expose);
    let denied = world
        .broker
        .authenticate(&two.access_key_id, token, &RequestId::new())
        .await
        .unwrap_err();
    assert!(matches!(denied, Denied::BadToken(TokenError::Invalid)));
}

#[tokio::test]
async fn a_session_token_of_another_sts_does_not_open() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::StsLite)).await;
    assert_eq!(
        world.show(&issued.credentials).await.unwrap_err().code(),
        "bad_token"
    );
}

#[tokio::test]
async fn a_session_key_without_its_token_is_not_known() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    let denied = world
        .show_ec2(&issued.credentials.access_key_id)
        .await
        .unwrap_err();
    assert!(matches!(denied, Denied::NoSuchKey));
}

#[tokio::test]
async fn a_session_token_is_opened_without_asking_anybody() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    world.people.door.be(Mood::Away);
    world.keystone.be(Mood::Away);
    let asked = world.people.door.asked();
    world.show(&issued.credentials).await.unwrap();
    assert_eq!(
        (world.people.door.asked(), world.keystone.identify.asked()),
        (asked, 0)
    );
}

#[tokio::test]
async fn an_expired_session_token_stays_expired_after_a_restart() {
    let mut world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    world.restart().await;
    world.show(&issued.credentials).await.unwrap();
    world.wait(3600);
    assert!(matches!(
        world.show(&issued.credentials).await,
        Err(Denied::Expired(_))
    ));
    world.restart().await;
    assert!(matches!(
        world.show(&issued.credentials).await,
        Err(Denied::Expired(_))
    ));
}

#[tokio::test]
async fn a_revoked_session_token_is_refused_with_the_reason() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    world
        .broker
        .give_back(
            &caller("alice"),
            issued.lease.id.as_str(),
            &RequestId::new(),
        )
        .await
        .unwrap();
    let denied = world.show(&issued.credentials).await.unwrap_err();
    assert_eq!(
        denied.to_string(),
        "these credentials were given back at 00:00 UTC on 1 January 2027"
    );
    assert_eq!(denied.code(), "revoked");
}

#[tokio::test]
async fn a_key_that_keystone_does_not_know_is_refused() {
    let world = World::new().await;
    let denied = world
        .show_ec2(&AccessKeyId::new("0123456789abcdef0123456789abcdef"))
        .await
        .unwrap_err();
    assert!(matches!(denied, Denied::NoSuchKey));
    assert_eq!(denied.code(), "unknown_key");
}

#[tokio::test]
async fn an_ec2_credential_of_a_project_that_is_no_surveys_is_refused() {
    let world = World::new().await;
    for user in ["ks-alice", BACKEND] {
        let made = world.keystone.make(user, "somebody-elses");
        let denied = world.show_ec2(&made.access).await.unwrap_err();
        assert!(
            matches!(&denied, Denied::NoSurveyOfProject(project) if project == "somebody-elses"),
            "{user}"
        );
        assert_eq!(denied.code(), "unknown_key");
    }
    assert_eq!(world.audit().await, []);
}

#[tokio::test]
async fn an_ec2_credential_of_a_person_who_left_is_refused() {
    let world = World::new().await;
    let made = world.keystone.make("ks-alice", "demo-ro");
    world.leave_groups("alice");
    assert_eq!(
        world.show_ec2(&made.access).await.unwrap_err().code(),
        "not_a_member"
    );
    world.people.delete("alice");
    assert_eq!(
        world.show_ec2(&made.access).await.unwrap_err().code(),
        "account_inactive"
    );
    assert_eq!(world.broker.leases(&subject("alice")).await.unwrap(), []);
}

#[tokio::test]
async fn a_reader_with_an_ec2_credential_of_the_data_project_is_refused() {
    let world = World::new().await;
    // Keystone does not check membership when it makes one.
    let made = world.keystone.make("ks-alice", "demo-data");
    let denied = world.show_ec2(&made.access).await.unwrap_err();
    assert!(matches!(
        denied,
        Denied::NotAMember {
            access: Access::Write,
            ..
        }
    ));
}

#[tokio::test]
async fn an_ec2_credential_of_a_local_keystone_user_is_refused() {
    let world = World::new().await;
    let made = world.keystone.make("operator", "demo-ro");
    assert_eq!(
        world.show_ec2(&made.access).await.unwrap_err().code(),
        "account_inactive"
    );
}

#[tokio::test]
async fn while_keystone_or_the_iam_is_away_an_unknown_ec2_credential_is_not_let_in() {
    let world = World::new().await;
    let made = world.keystone.make("ks-alice", "demo-ro");
    world.keystone.be(Mood::Away);
    assert!(matches!(
        world.show_ec2(&made.access).await,
        Err(Denied::Away {
            system: "Keystone",
            ..
        })
    ));
    world.keystone.be(Mood::Well);
    world.people.door.be(Mood::Away);
    assert!(matches!(
        world.show_ec2(&made.access).await,
        Err(Denied::Away {
            system: "the IAM",
            ..
        })
    ));
    world.people.door.be(Mood::Well);
    world.show_ec2(&made.access).await.unwrap();
}

#[tokio::test]
async fn a_credential_made_in_openstack_becomes_a_lease_the_first_time_it_is_seen() {
    let mut world = World::new().await;
    let made = world.keystone.make("ks-alice", "demo-ro");
    let principal = world.show_ec2(&made.access).await.unwrap();
    assert_eq!(
        (&principal.subject, principal.username.as_str()),
        (&subject("alice"), "alice")
    );
    assert_eq!(
        principal.kind,
        Kind::Ec2 {
            keystone_user: "ks-alice".to_owned(),
            backend: false
        }
    );
    assert_eq!(
        (principal.expires, &principal.secret_access_key),
        (None, &made.secret)
    );
    let leases = world.broker.leases(&subject("alice")).await.unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!(
        (&leases[0].id, leases[0].method),
        (&LeaseId::of(&made.access), Method::Ec2)
    );
    assert_eq!(
        (leases[0].limit, leases[0].expires),
        (Limit::Revocation, None)
    );
    assert_eq!(world.newest_audit().await.action, "adopt");
    // The cache is gone after a restart; the lease is not made twice.
    world.restart().await;
    world.show_ec2(&made.access).await.unwrap();
    assert_eq!(
        world.broker.leases(&subject("alice")).await.unwrap().len(),
        1
    );
    assert_eq!(world.audit().await.len(), 1);
}

#[tokio::test]
async fn an_adopted_credential_ends_with_the_account() {
    let world = World::new().await;
    world.end_account("alice", 100);
    let made = world.keystone.make("ks-alice", "demo-ro");
    world.show_ec2(&made.access).await.unwrap();
    let lease = world
        .broker
        .leases(&subject("alice"))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (lease.limit, lease.expires.is_some()),
        (Limit::AccountEnd, true)
    );
    world.wait(100);
    assert!(matches!(
        world.show_ec2(&made.access).await,
        Err(Denied::Expired(_))
    ));
}

#[tokio::test]
async fn an_issued_ec2_lease_ends_on_time_after_a_restart_too() {
    let mut world = World::new().await;
    let issued = world.issue("alice", &demo_for(Method::Ec2, "3600")).await;
    world.restart().await;
    assert_eq!(
        world.show(&issued.credentials).await.unwrap().expires,
        issued.lease.expires
    );
    world.wait(3600);
    assert!(matches!(
        world.show(&issued.credentials).await,
        Err(Denied::Expired(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_requests_at_once_ask_keystone_once() {
    let world = Arc::new(World::new().await);
    let made = world.keystone.make("ks-alice", "demo-ro");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (broker, access) = (world.broker.clone(), made.access.clone());
        tasks.spawn(async move {
            broker
                .authenticate(&access, None, &RequestId::new())
                .await
                .unwrap()
                .lease
                .clone()
        });
    }
    let leases: BTreeSet<_> = tasks.join_all().await.into_iter().collect();
    assert_eq!(leases, BTreeSet::from([LeaseId::of(&made.access)]));
    assert_eq!(
        (world.keystone.identify.asked(), world.people.door.asked()),
        (1, 1)
    );
    assert_eq!(
        world.broker.leases(&subject("alice")).await.unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_that_waited_for_one_no_are_all_told_why() {
    let world = World::new().await;
    let made = world.keystone.make("ks-dave", "demo-ro");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (broker, access) = (world.broker.clone(), made.access.clone());
        tasks.spawn(async move {
            broker
                .authenticate(&access, None, &RequestId::new())
                .await
                .unwrap_err()
                .code()
        });
    }
    assert_eq!(tasks.join_all().await, vec!["not_a_member"; 50]);
    // A no is not kept.
    world.join("dave", "demo/readers");
    world.show_ec2(&made.access).await.unwrap();
}

#[tokio::test]
async fn the_backend_users_credential_opens_its_survey_and_becomes_no_lease() {
    let world = World::new().await;
    let made = world.keystone.make(BACKEND, "demo-data");
    let principal = world.show_ec2(&made.access).await.unwrap();
    assert_eq!(
        (principal.access, principal.subject.issuer.as_str()),
        (Access::Write, "keystone")
    );
    assert_eq!(world.audit().await, []);
}
