//! The backend user's EC2 credentials, which no person ever sees.

use std::collections::BTreeSet;

use skykey_broker::{Denied, Issued};
use skykey_types::{Method, RequestId};

use skykey_testkit::broker::{BACKEND, Mood};
use skykey_testkit::broker::{World, caller, demo, demo_writing, parsed};

/// Fifty people at once; Alice stands for all of them.
async fn burst(world: &World) -> Vec<Issued> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let broker = world.broker.clone();
        tasks.spawn(async move {
            broker
                .issue(
                    &caller("alice"),
                    &parsed(&demo(Method::StsLite)),
                    &RequestId::new(),
                )
                .await
                .unwrap()
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_of_leases_makes_one_backend_key_and_fifty_different_leases() {
    let world = World::new().await;
    let issued = burst(&world).await;
    assert_eq!(world.keystone.create.asked(), 1);
    assert_eq!(world.keystone.of(BACKEND).len(), 1);
    let ids: BTreeSet<_> = issued
        .iter()
        .map(|issued| issued.lease.id.clone())
        .collect();
    assert_eq!(ids.len(), 50);
    let backend = &world.keystone.of(BACKEND)[0];
    assert!(
        issued
            .iter()
            .all(|issued| issued.credentials.access_key_id != *backend),
        "nobody is shown the key"
    );
}

#[tokio::test]
async fn reading_and_writing_have_a_backend_key_each() {
    let world = World::new().await;
    for fields in [
        demo(Method::StsLite),
        demo_writing(Method::StsLite),
        demo(Method::StsLite),
    ] {
        world.issue("carol", &fields).await;
    }
    let asked_with = world.sts.asked_with();
    // The first was the proof's.
    assert_eq!(asked_with[0], asked_with[1]);
    assert_ne!(asked_with[1], asked_with[2]);
    assert_eq!(asked_with[1], asked_with[3]);
    assert_eq!(world.keystone.of(BACKEND).len(), 2);
}

#[tokio::test]
async fn the_backend_key_is_sealed_in_the_database_and_survives_a_restart() {
    let mut world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    let access = world.keystone.of(BACKEND).remove(0);
    let secret = world.keystone.secrets().remove(0);
    assert!(world.on_disk(access.as_str()), "the public half is there");
    assert!(
        !world.on_disk(secret.expose()),
        "the half that signs is not"
    );
    world.restart().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    assert_eq!(world.keystone.create.asked(), 1);
    assert!(world.sts.asked_with().iter().all(|asked| *asked == access));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backend_key_that_was_deleted_behind_our_back_is_made_anew_once() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    let lost = world.keystone.of(BACKEND).remove(0);
    world.keystone.lose(&lost);
    burst(&world).await;
    assert_eq!(
        world.keystone.create.asked(),
        2,
        "fifty refusals make one new key"
    );
    assert_eq!(world.keystone.of(BACKEND).len(), 1);
    assert!(!world.keystone.holds(&lost));
}

#[tokio::test]
async fn an_sts_that_refuses_the_new_key_too_is_not_asked_a_third_time() {
    let world = World::new().await;
    world.sts.door.be(Mood::Disowning);
    let denied = world
        .refused(&caller("alice"), &demo(Method::StsLite))
        .await;
    assert!(matches!(denied, Denied::Upstream { system: "STS", .. }));
    assert_eq!(
        (world.sts.door.asked(), world.keystone.create.asked()),
        (2, 2)
    );
    assert_eq!(
        world.keystone.of(BACKEND).len(),
        1,
        "the refused one did not stay behind"
    );
}

#[tokio::test]
async fn an_sts_that_is_away_does_not_cost_the_key() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    world.sts.door.be(Mood::Away);
    world
        .refused(&caller("alice"), &demo(Method::StsLite))
        .await;
    world.sts.door.be(Mood::Well);
    world.issue("alice", &demo(Method::StsLite)).await;
    assert_eq!(world.keystone.create.asked(), 1);
}

#[tokio::test]
async fn a_sealed_key_that_was_altered_is_replaced_and_the_old_credential_deleted() {
    let mut world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    let old = world.keystone.of(BACKEND).remove(0);
    world
        .sql("UPDATE backend_key SET sealed = zeroblob(80)")
        .await;
    world.restart().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    assert!(!world.keystone.holds(&old));
    assert_eq!(world.keystone.of(BACKEND).len(), 1);
}

#[tokio::test]
async fn a_backend_key_that_cannot_be_kept_does_not_stay_at_keystone() {
    let world = World::new().await;
    world.sql("CREATE TRIGGER full BEFORE INSERT ON backend_key BEGIN SELECT RAISE(ABORT, 'disk full'); END").await;
    let denied = world
        .refused(&caller("alice"), &demo(Method::StsLite))
        .await;
    assert!(matches!(denied, Denied::Database(_)));
    assert_eq!(world.keystone.of(BACKEND), []);
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_key_does_not_cost_the_key() {
    let world = World::new().await;
    world.sts.door.be(Mood::Refusing);
    let denied = world
        .refused(&caller("alice"), &demo(Method::StsLite))
        .await;
    assert!(matches!(denied, Denied::Upstream { system: "STS", .. }));
    assert_eq!(
        (world.sts.door.asked(), world.keystone.create.asked()),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_that_meets_an_sts_that_is_away_shares_the_failure() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    world.wait(299); // the key is cold again
    world.sts.door.be(Mood::Away);
    let before = world.sts.door.asked();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let broker = world.broker.clone();
        tasks.spawn(async move {
            broker
                .issue(
                    &caller("alice"),
                    &parsed(&demo(Method::StsLite)),
                    &RequestId::new(),
                )
                .await
                .unwrap_err()
                .code()
        });
    }
    assert!(
        tasks
            .join_all()
            .await
            .iter()
            .all(|code| *code == "upstream_away")
    );
    let asked = world.sts.door.asked() - before;
    assert!(asked < 25, "asked {asked} times");
}

#[tokio::test]
async fn a_key_that_is_asked_for_is_kept_warm_and_one_that_is_not_is_left_alone() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    world.broker.upkeep_once().await;
    let asked = || world.sts.door.asked();
    let before = asked();
    world.wait(200);
    world.broker.upkeep_once().await;
    assert_eq!(asked(), before, "it is warm");
    world.wait(100);
    world.broker.upkeep_once().await;
    assert_eq!(asked(), before + 1, "warmed for the next asker");
    world.wait(901);
    let before = asked();
    world.broker.upkeep_once().await;
    assert_eq!(asked(), before, "nobody asks any more");
}

#[tokio::test]
async fn an_old_key_is_replaced_and_the_old_credential_deleted() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    let old = world.keystone.of(BACKEND);
    world.wait(7 * 86400);
    world.issue("alice", &demo(Method::StsLite)).await;
    world.broker.upkeep_once().await;
    let new = world.keystone.of(BACKEND);
    // The proofs of the other surveys made three.
    assert_eq!((old.len(), new.len()), (1, 4));
    assert!(!world.keystone.holds(&old[0]));
    world.issue("alice", &demo(Method::StsLite)).await;
    assert_ne!(world.sts.asked_with().last(), old.first());
}

#[tokio::test]
async fn a_stray_of_the_backend_user_is_swept_and_other_peoples_credentials_are_not() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    let kept = world.keystone.of(BACKEND).remove(0);
    let stray = world.keystone.make(BACKEND, "demo-ro").access;
    let elsewhere = world.keystone.make(BACKEND, "not-a-survey").access;
    let alices = world.keystone.make("ks-alice", "demo-ro").access;
    world.broker.upkeep_once().await;
    assert!(!world.keystone.holds(&stray));
    for access in [kept, elsewhere, alices] {
        assert!(world.keystone.holds(&access), "{access}");
    }
}
