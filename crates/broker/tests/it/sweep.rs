//! EC2 credentials of leases that are over do not stay at Keystone.

use skykey_types::Method;

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{World, demo, demo_for};

#[tokio::test]
async fn the_ec2_credential_of_an_expired_lease_is_deleted_once() {
    let world = World::new().await;
    let short = world.issue("alice", &demo_for(Method::Ec2, "3600")).await;
    let long = world.issue("alice", &demo_for(Method::Ec2, "7200")).await;
    world.wait(3599);
    assert_eq!(world.broker.sweep().await.unwrap(), 0);
    world.wait(1);
    assert_eq!(world.broker.sweep().await.unwrap(), 1);
    assert!(!world.keystone.holds(&short.credentials.access_key_id));
    assert!(world.keystone.holds(&long.credentials.access_key_id));
    assert_eq!(world.broker.sweep().await.unwrap(), 0);
    assert_eq!(world.keystone.delete.asked(), 1);
}

#[tokio::test]
async fn a_sweep_that_failed_is_tried_again_after_a_restart() {
    let mut world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Ec2)).await;
    world.wait(3600);
    for mood in [Mood::Away, Mood::Refusing] {
        world.keystone.be(mood);
        assert_eq!(world.broker.sweep().await.unwrap(), 0);
        world.wait(10);
    }
    world.restart().await;
    world.keystone.be(Mood::Well);
    assert_eq!(world.broker.sweep().await.unwrap(), 1);
    assert!(!world.keystone.holds(&issued.credentials.access_key_id));
}

#[tokio::test]
async fn the_watch_sweeps() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Ec2)).await;
    world.wait(3600);
    world.people.door.be(Mood::Away);
    world.broker.watch_once().await.unwrap();
    assert!(!world.keystone.holds(&issued.credentials.access_key_id));
}

#[tokio::test]
async fn a_credential_that_was_already_deleted_is_swept_all_the_same() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Ec2)).await;
    world.keystone.lose(&issued.credentials.access_key_id);
    world.wait(3600);
    assert_eq!(world.broker.sweep().await.unwrap(), 1);
    assert_eq!(world.broker.sweep().await.unwrap(), 0);
}

#[tokio::test]
async fn leases_of_the_other_methods_have_nothing_to_sweep() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.issue("alice", &demo(Method::StsLite)).await;
    world.wait(3600);
    assert_eq!(world.broker.sweep().await.unwrap(), 0);
    assert_eq!(world.keystone.delete.asked(), 0);
}
