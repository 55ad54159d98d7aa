//! What people who were removed have at Keystone is deleted, however long that takes.

use skykey_broker::AuditEntry;
use skykey_types::{AccessKeyId, Method, RequestId};

use crate::log::Log;
use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{World, demo, echo};

/// alice leases by the backend user, makes an EC2 credential in OpenStack, and leaves.
async fn alice_left(store: skykey_broker::Store) -> (World, AccessKeyId) {
    let mut world = World::new().await;
    world.restart_with(store).await;
    world.issue("alice", &demo(Method::StsLite)).await;
    let hers = world.keystone.make("ks-alice", "demo-ro").access;
    world.leave_groups("alice");
    (world, hers)
}

async fn deletions(world: &World) -> Vec<AuditEntry> {
    let mut audit = world.audit().await;
    audit.retain(|entry| entry.action == "delete-ec2");
    audit
}

#[tokio::test]
async fn ec2_credentials_of_the_removed_are_not_forgotten_by_a_restart_while_keystone_is_away() {
    let (mut world, hers) = alice_left(echo(true)).await;
    world.keystone.be(Mood::Away);
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 1);
    for _ in 0..2 {
        world.restart().await;
        world.broker.watch_once().await.unwrap();
    }
    assert!(world.keystone.holds(&hers) && deletions(&world).await.is_empty());
    world.restart().await;
    world.keystone.be(Mood::Well);
    world.broker.watch_once().await.unwrap();
    assert!(!world.keystone.holds(&hers));
    let audit = deletions(&world).await;
    assert_eq!(audit.len(), 1);
    assert_eq!(
        (audit[0].username.as_str(), audit[0].outcome.as_str()),
        ("alice", "yes")
    );
    assert_eq!(
        audit[0].reason,
        "no longer in a group that may read demo; 1 EC2 credential for the project demo-ro deleted at Keystone"
    );
    // It is done: nothing is asked for any more.
    let asked = world.keystone.delete.asked();
    world.wait(3600);
    world.broker.watch_once().await.unwrap();
    assert_eq!(
        (world.keystone.delete.asked(), deletions(&world).await.len()),
        (asked, 1)
    );
}

#[tokio::test]
async fn ec2_credentials_of_the_removed_are_not_given_up_when_keystone_refuses() {
    let (world, hers) = alice_left(echo(true)).await;
    // The administrator's password is wrong.
    world.keystone.be(Mood::Refusing);
    for _ in 0..100 {
        world.broker.watch_once().await.unwrap();
        world.wait(30);
    }
    assert!(world.keystone.holds(&hers));
    world.keystone.be(Mood::Well);
    world.wait(300);
    world.broker.watch_once().await.unwrap();
    assert!(!world.keystone.holds(&hers));
    assert_eq!(deletions(&world).await.len(), 1);
}

#[tokio::test]
async fn a_keystone_that_fails_is_asked_less_and_less_often_and_one_warning_tells_of_it() {
    for mood in [Mood::Away, Mood::Refusing] {
        let (log, _guard) = Log::listen();
        let (world, _) = alice_left(echo(true)).await;
        let bobs = world.issue("bob", &demo(Method::Ec2)).await;
        world.keystone.be(mood);
        let mut asked = Vec::new();
        for second in (0..1200).step_by(5) {
            let before = world.keystone.identify.asked();
            world.broker.watch_once().await.unwrap();
            if world.keystone.identify.asked() > before {
                asked.push(second);
            }
            world.wait(5);
        }
        assert_eq!(asked, [0, 5, 15, 35, 75, 155, 315, 615, 915]);
        // Others who fail for the same cause are not news.
        world
            .broker
            .give_back(
                &skykey_testkit::broker::caller("bob"),
                bobs.lease.id.as_str(),
                &RequestId::new(),
            )
            .await
            .unwrap();
        let warned = log.lines("WARN", "EC2");
        assert_eq!(warned.len(), 1, "{warned:?}");
        assert!(
            warned[0].contains("the object store goes on accepting them"),
            "{warned:?}"
        );
        let mended = || log.lines("INFO", "can be deleted at Keystone again").len();
        assert_eq!(mended(), 0);
        world.keystone.be(Mood::Well);
        for _ in 0..10 {
            world.wait(60);
            world.broker.watch_once().await.unwrap();
        }
        assert_eq!((mended(), log.lines("WARN", "EC2").len()), (1, 1));
        assert!(world.keystone.of("ks-alice").is_empty() && world.keystone.of("ks-bob").is_empty());
    }
}

#[tokio::test]
async fn without_an_administrator_it_is_said_once_and_not_in_every_round() {
    let (log, _guard) = Log::listen();
    let (mut world, hers) = alice_left(echo(false)).await;
    let bobs = world.issue("bob", &demo(Method::Ec2)).await;
    world
        .broker
        .give_back(
            &skykey_testkit::broker::caller("bob"),
            bobs.lease.id.as_str(),
            &RequestId::new(),
        )
        .await
        .unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let watch = tokio::spawn(world.broker.clone().watch(stopped));
    let asked = world.people.door.asked();
    world
        .issue("carol", &skykey_testkit::broker::demo(Method::StsLite))
        .await;
    let patience = std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, async {
        // Many rounds: each asks about carol.
        while world.people.door.asked() < asked + 23 {
            tokio::time::sleep(skykey_testkit::broker::WATCH_EVERY).await;
        }
    })
    .await
    .unwrap();
    stop.send(true).unwrap();
    watch.await.unwrap();
    let warned = log.lines("WARN", "");
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("[keystone.admin_user] is not configured"));
    let removals = log.lines("INFO", "lease revoked; without [keystone.admin_user]");
    assert_eq!(removals.len(), 1, "{removals:?}");
    assert!(!log.lines("INFO", "").concat().contains("refused here"));
    assert_eq!(world.keystone.delete.asked(), 0);
    assert!(world.keystone.holds(&hers));
    // Once there is one, it is made up for.
    world.restart_with(echo(true)).await;
    world.broker.watch_once().await.unwrap();
    assert!(!world.keystone.holds(&hers));
    assert!(world.keystone.of("ks-bob").is_empty());
}

#[tokio::test]
async fn whoever_is_back_by_then_keeps_what_they_have_at_keystone() {
    let (world, hers) = alice_left(echo(true)).await;
    world.keystone.be(Mood::Away);
    world.broker.watch_once().await.unwrap();
    world.keystone.be(Mood::Well);
    world.join("alice", "demo/readers");
    world.issue("alice", &demo(Method::StsLite)).await;
    for _ in 0..2 {
        world.wait(60);
        world.broker.watch_once().await.unwrap();
    }
    assert!(world.keystone.holds(&hers) && deletions(&world).await.is_empty());
    // And loses it when they leave once more.
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    assert!(!world.keystone.holds(&hers));
}

#[tokio::test]
async fn a_removal_is_not_written_down_without_what_is_left_to_do() {
    let (mut world, hers) = alice_left(echo(true)).await;
    world.sql("CREATE TRIGGER full BEFORE INSERT ON left_over BEGIN SELECT RAISE(ABORT, 'disk full'); END").await;
    assert!(world.broker.watch_once().await.is_err());
    world.sql("DROP TRIGGER full").await;
    world.restart().await;
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 1);
    assert!(!world.keystone.holds(&hers));
}
