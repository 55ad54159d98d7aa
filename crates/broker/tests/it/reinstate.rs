//! Somebody who comes back to the group has their session tokens again, and nobody else does.

use skykey_broker::Denied;
use skykey_types::{LeaseEnd, LeaseState, Method, RequestId};

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{World, caller, demo, demo_for, demo_writing, subject};

fn is_revoked(denied: &Denied, why: LeaseEnd) -> bool {
    matches!(denied, Denied::Revoked { why: found, .. } if *found == why)
}

#[tokio::test]
async fn a_lease_goes_on_when_its_owner_is_back() {
    let mut world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    let denied = world.show(&issued.credentials).await.unwrap_err();
    assert!(is_revoked(&denied, LeaseEnd::Removed));
    world.join("alice", "demo/readers");
    // The IAM was asked just now, and is left alone for a moment.
    let denied = world.show(&issued.credentials).await.unwrap_err();
    assert!(is_revoked(&denied, LeaseEnd::Removed));
    world.wait(5);
    world.show(&issued.credentials).await.unwrap();
    let leases = world.broker.leases(&subject("alice")).await.unwrap();
    assert_eq!(leases[0].state(world.now()), LeaseState::Live);
    let audit = world.newest_audit().await;
    assert_eq!(
        (audit.action.as_str(), audit.reason.as_str()),
        ("reinstate", "back in a group that may read demo")
    );
    // Also after a restart; and the next removal ends it again.
    world.restart().await;
    world.show(&issued.credentials).await.unwrap();
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    let denied = world.show(&issued.credentials).await.unwrap_err();
    assert!(is_revoked(&denied, LeaseEnd::Removed));
}

#[tokio::test]
async fn whoever_is_not_back_as_far_is_refused() {
    let world = World::new().await;
    let issued = world.issue("carol", &demo_writing(Method::Gateway)).await;
    world.leave_groups("carol");
    world.broker.watch_once().await.unwrap();
    for trouble in [Mood::Away, Mood::Well] {
        world.wait(5);
        world.people.door.be(trouble);
        let denied = world.show(&issued.credentials).await.unwrap_err();
        assert!(is_revoked(&denied, LeaseEnd::Removed));
    }
    // A reader again, but no curator.
    world.join("carol", "demo/readers");
    world.wait(5);
    let denied = world.show(&issued.credentials).await.unwrap_err();
    assert!(is_revoked(&denied, LeaseEnd::Removed));
    world.join("carol", "demo/curators");
    world.end_account("carol", -1);
    world.wait(5);
    let denied = world.show(&issued.credentials).await.unwrap_err();
    assert!(is_revoked(&denied, LeaseEnd::Removed));
}

#[tokio::test]
async fn all_leases_of_whoever_is_back_go_on_by_one_question() {
    let world = World::new().await;
    let mut leases = Vec::new();
    for _ in 0..5 {
        leases.push(world.issue("alice", &demo(Method::Gateway)).await);
    }
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    world.join("alice", "demo/readers");
    world.wait(5);
    let before = world.people.door.asked();
    for issued in &leases {
        world.show(&issued.credentials).await.unwrap();
    }
    assert_eq!(world.people.door.asked(), before + 1);
}

#[tokio::test]
async fn a_storm_of_refused_requests_asks_the_iam_once() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    let before = world.people.door.asked();
    for _ in 0..100 {
        world.show(&issued.credentials).await.unwrap_err();
    }
    assert_eq!(world.people.door.asked(), before + 1);
}

#[tokio::test]
async fn what_was_given_back_stays_ended_also_after_a_removal() {
    let world = World::new().await;
    let before = world.issue("alice", &demo(Method::Gateway)).await;
    let after = world.issue("alice", &demo(Method::Gateway)).await;
    let give_back = async |lease: &str| {
        let given = world
            .broker
            .give_back(&caller("alice"), lease, &RequestId::new())
            .await;
        given.unwrap();
    };
    give_back(before.lease.id.as_str()).await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    give_back(after.lease.id.as_str()).await;
    world.join("alice", "demo/readers");
    world.wait(5);
    for issued in [before, after] {
        let denied = world.show(&issued.credentials).await.unwrap_err();
        assert!(is_revoked(&denied, LeaseEnd::Returned), "{denied}");
    }
}

#[tokio::test]
async fn a_lease_that_is_over_stays_over_and_an_ec2_credential_is_gone() {
    let world = World::new().await;
    let short = world
        .issue("alice", &demo_for(Method::Gateway, "3600"))
        .await;
    let ec2 = world.issue("alice", &demo(Method::Ec2)).await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    world.join("alice", "demo/readers");
    world.wait(3600);
    let denied = world.show(&short.credentials).await.unwrap_err();
    assert!(is_revoked(&denied, LeaseEnd::Removed), "{denied}");
    let denied = world.show(&ec2.credentials).await.unwrap_err();
    assert!(is_revoked(&denied, LeaseEnd::Removed), "{denied}");
}
