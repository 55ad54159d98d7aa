//! Giving a lease back.

use skykey_broker::Denied;
use skykey_types::{LeaseEnd, LeaseState, Method, RequestId};

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{World, caller, demo, subject};

#[tokio::test]
async fn a_lease_that_was_given_back_is_over_and_the_others_go_on() {
    let world = World::new().await;
    let given = world.issue("alice", &demo(Method::Ec2)).await;
    let kept = world.issue("alice", &demo(Method::Ec2)).await;
    world.show(&given.credentials).await.unwrap();
    world
        .broker
        .give_back(&caller("alice"), given.lease.id.as_str(), &RequestId::new())
        .await
        .unwrap();
    assert!(matches!(
        world.show(&given.credentials).await,
        Err(Denied::Revoked {
            why: LeaseEnd::Returned,
            ..
        })
    ));
    world.show(&kept.credentials).await.unwrap();
    assert_eq!(
        world.keystone.of("ks-alice"),
        std::slice::from_ref(&kept.credentials.access_key_id)
    );
    let leases = world.broker.leases(&subject("alice")).await.unwrap();
    let lease = leases
        .iter()
        .find(|lease| lease.id == given.lease.id)
        .unwrap();
    assert_eq!(
        lease.state(world.now()),
        LeaseState::Revoked(world.now(), LeaseEnd::Returned)
    );
    let audit = world.newest_audit().await;
    assert_eq!(
        (audit.action.as_str(), audit.reason.as_str()),
        ("revoke", "alice gave it back")
    );
}

#[tokio::test]
async fn giving_back_twice_is_giving_back() {
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
    world.wait(60);
    world
        .broker
        .give_back(
            &caller("alice"),
            issued.lease.id.as_str(),
            &RequestId::new(),
        )
        .await
        .unwrap();
    assert_eq!(
        world
            .audit()
            .await
            .iter()
            .filter(|entry| entry.action == "revoke")
            .count(),
        1
    );
}

#[tokio::test]
async fn somebody_elses_lease_cannot_be_given_back_and_looks_like_none() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    let mut mallory = caller("alice");
    mallory.id.issuer = "https://elsewhere.example/".to_owned();
    for (who, lease) in [
        (caller("bob"), issued.lease.id.as_str()),
        (mallory, issued.lease.id.as_str()),
        (caller("bob"), "lease-that-is-none"),
        (caller("bob"), "' OR 1=1 --"),
        (caller("bob"), ""),
    ] {
        let denied = world
            .broker
            .give_back(&who, lease, &RequestId::new())
            .await
            .unwrap_err();
        assert_eq!(
            denied.to_string(),
            format!("you have no lease called '{lease}'")
        );
        assert_eq!(denied.code(), "no_such_lease");
        let audit = world.newest_audit().await;
        assert_eq!(
            (audit.action.as_str(), audit.outcome.as_str()),
            ("give-back", "no")
        );
    }
    world.show(&issued.credentials).await.unwrap();
}

#[tokio::test]
async fn a_lease_can_be_given_back_while_iam_and_keystone_are_away() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Ec2)).await;
    world.people.door.be(Mood::Away);
    world.keystone.be(Mood::Away);
    world
        .broker
        .give_back(
            &caller("alice"),
            issued.lease.id.as_str(),
            &RequestId::new(),
        )
        .await
        .unwrap();
    assert!(matches!(
        world.show(&issued.credentials).await,
        Err(Denied::Revoked { .. })
    ));
    assert!(world.keystone.holds(&issued.credentials.access_key_id));
    world.keystone.be(Mood::Well);
    world.wait(5);
    assert_eq!(world.broker.sweep().await.unwrap(), 1);
    assert!(!world.keystone.holds(&issued.credentials.access_key_id));
}
