//! Two brokers on one database, as two processes have it: what one decides holds for the other.

use skykey_broker::{Denied, Proof};
use skykey_types::{LeaseEnd, Method, RequestId};

use skykey_testkit::broker::{World, caller, demo, show_to};

#[tokio::test]
async fn a_lease_that_one_revoked_is_refused_by_the_other_and_reinstated_for_both() {
    let world = World::new().await;
    let other = world.second_broker().await;
    let session = world.issue("bob", &demo(Method::Gateway)).await;
    let ec2 = world.issue("bob", &demo(Method::Ec2)).await;
    for issued in [&session, &ec2] {
        show_to(&other, &issued.credentials).await.unwrap();
    }
    world.leave_groups("bob");
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 2);
    other.follow_once().await.unwrap();
    for issued in [&session, &ec2] {
        let denied = show_to(&other, &issued.credentials).await.unwrap_err();
        let removed = LeaseEnd::Removed;
        assert!(matches!(denied, Denied::Revoked { why, .. } if why == removed));
    }
    // The other lets him in again, and so does the first.
    world.join("bob", "demo/readers");
    world.wait(10);
    show_to(&other, &session.credentials).await.unwrap();
    world.broker.follow_once().await.unwrap();
    world.people.door.be(skykey_testkit::broker::Mood::Away);
    world.show(&session.credentials).await.unwrap();
}

#[tokio::test]
async fn a_lease_that_was_given_back_at_one_is_not_revoked_again_by_the_watch_of_the_other() {
    let world = World::new().await;
    let other = world.second_broker().await;
    let issued = world.issue("bob", &demo(Method::Gateway)).await;
    let bob = caller("bob");
    let given_back = other
        .give_back(&bob, issued.lease.id.as_str(), &RequestId::new())
        .await;
    given_back.unwrap();
    world.leave_groups("bob");
    world.broker.watch_once().await.unwrap();
    world.broker.follow_once().await.unwrap();
    let denied = world.show(&issued.credentials).await.unwrap_err();
    let returned = LeaseEnd::Returned;
    assert!(matches!(denied, Denied::Revoked { why, .. } if why == returned));
    let audit = world.audit().await;
    let revoked = audit.iter().filter(|entry| entry.action == "revoke");
    assert_eq!(revoked.count(), 1);
}

#[tokio::test]
async fn both_watches_at_once_revoke_each_lease_once_and_delete_each_credential_once() {
    let world = World::new().await;
    let other = world.second_broker().await;
    for _ in 0..3 {
        world.issue("bob", &demo(Method::Ec2)).await;
    }
    world.keystone.make("ks-bob", "demo-ro");
    world.leave_groups("bob");
    let (first, second) = tokio::join!(world.broker.watch_once(), other.watch_once());
    first.unwrap();
    second.unwrap();
    let audit = world.audit().await;
    let count = |action| audit.iter().filter(|entry| entry.action == action).count();
    assert_eq!((count("revoke"), count("delete-ec2")), (3, 1), "{audit:?}");
    assert_eq!(world.keystone.of("ks-bob"), []);
}

#[tokio::test]
async fn readers_that_one_saw_to_write_stop_the_leases_of_the_other() {
    let world = World::new().await;
    let other = world.second_broker().await;
    let request = skykey_testkit::broker::parsed(&demo(Method::Gateway));
    other
        .issue(&caller("alice"), &request, &RequestId::new())
        .await
        .unwrap();
    let writes = vec!["PutObject".to_owned()];
    world.prover.find(Proof::Writes(writes));
    world.wait(60);
    world.broker.upkeep_once().await;
    other.follow_once().await.unwrap();
    let denied = other
        .issue(&caller("alice"), &request, &RequestId::new())
        .await
        .unwrap_err();
    assert!(matches!(denied, Denied::NotReadOnly { .. }), "{denied}");
}

#[tokio::test]
async fn a_proof_from_before_a_restart_is_not_believed() {
    let mut world = World::new().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.wait(60);
    world.restart().await;
    world.broker.follow_once().await.unwrap();
    let proved = world.broker.proofs();
    assert!(
        proved
            .iter()
            .all(|proof| proof.last.is_none() && !proof.issues)
    );
}

#[tokio::test]
async fn both_use_the_same_credential_of_the_backend_user() {
    let world = World::new().await;
    let other = world.second_broker().await;
    let request = skykey_testkit::broker::parsed(&demo(Method::StsLite));
    let (alice, bob) = (caller("alice"), caller("bob"));
    let id = RequestId::new();
    let (first, second) = tokio::join!(
        world.broker.issue(&alice, &request, &id),
        other.issue(&bob, &request, &id)
    );
    first.unwrap();
    second.unwrap();
    assert_eq!(world.keystone.of(skykey_testkit::broker::BACKEND).len(), 1);
    for broker in [&world.broker, &other] {
        broker
            .issue(&alice, &request, &RequestId::new())
            .await
            .unwrap();
    }
    assert_eq!(world.keystone.of(skykey_testkit::broker::BACKEND).len(), 1);
}
