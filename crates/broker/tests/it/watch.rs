//! The membership watch: whoever left loses their leases, nobody else does.

use std::time::Duration;

use skykey_broker::{Denied, Issued, WatchReport};
use skykey_types::{LeaseEnd, Method};

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{GRACE, WATCH_EVERY, World, demo, demo_for, demo_writing, subject};

/// Far more than a watch that works needs.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A lease by every method.
async fn leases(world: &World, who: &str) -> Vec<Issued> {
    let mut issued = Vec::new();
    for method in Method::ALL {
        issued.push(world.issue(who, &demo_for(method, "43200")).await);
    }
    issued
}

async fn revoked(world: &World, who: &str) -> usize {
    let leases = world.broker.leases(&subject(who)).await.unwrap();
    leases
        .iter()
        .filter(|lease| matches!(lease.revoked, Some((_, LeaseEnd::Removed))))
        .count()
}

#[tokio::test]
async fn whoever_left_loses_every_lease_at_once_and_everybody_else_keeps_theirs() {
    let world = World::new().await;
    let alices = leases(&world, "alice").await;
    let bobs = leases(&world, "bob").await;
    let report = world.broker.watch_once().await.unwrap();
    assert_eq!(
        report,
        WatchReport {
            people: 2,
            revoked: 0,
            unanswered: 0
        }
    );
    world.leave_groups("alice");
    let report = world.broker.watch_once().await.unwrap();
    assert_eq!(
        report,
        WatchReport {
            people: 2,
            revoked: 4,
            unanswered: 0
        }
    );
    assert_eq!(
        (revoked(&world, "alice").await, revoked(&world, "bob").await),
        (4, 0)
    );
    // The token of the foreign STS is none of ours; the other two are refused.
    for issued in alices
        .iter()
        .filter(|issued| matches!(issued.lease.method, Method::Ec2 | Method::Gateway))
    {
        let denied = world.show(&issued.credentials).await.unwrap_err();
        assert!(
            matches!(
                denied,
                Denied::Revoked {
                    why: LeaseEnd::Removed,
                    ..
                }
            ),
            "{}",
            issued.lease.method
        );
    }
    for issued in bobs
        .iter()
        .filter(|issued| matches!(issued.lease.method, Method::Ec2 | Method::Gateway))
    {
        world.show(&issued.credentials).await.unwrap();
    }
    assert_eq!(
        (
            world.keystone.of("ks-alice").len(),
            world.keystone.of("ks-bob").len()
        ),
        (0, 1)
    );
    let audit = world.audit().await;
    let revocations: Vec<_> = audit
        .iter()
        .filter(|entry| entry.action == "revoke")
        .collect();
    assert_eq!(revocations.len(), 4);
    assert!(revocations.iter().all(|entry| {
        entry.username == "alice"
            && entry.outcome == "yes"
            && entry.reason == "no longer in a group that may read demo"
    }));
    // A second look finds nothing more to do.
    assert_eq!(
        world.broker.watch_once().await.unwrap(),
        WatchReport {
            people: 1,
            revoked: 0,
            unanswered: 0
        }
    );
}

#[tokio::test]
async fn an_ec2_credential_that_keystone_just_vouched_for_is_refused_as_soon_as_it_is_revoked() {
    let world = World::new().await;
    let made = world.keystone.make("ks-alice", "demo-ro");
    world.show_ec2(&made.access).await.unwrap();
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    assert!(matches!(
        world.show_ec2(&made.access).await,
        Err(Denied::Revoked { .. })
    ));
    assert!(!world.keystone.holds(&made.access));
}

#[tokio::test]
async fn an_account_that_was_disabled_deleted_or_has_ended_loses_its_leases() {
    let world = World::new().await;
    for who in ["alice", "bob", "carol"] {
        world.issue(who, &demo_for(Method::Gateway, "43200")).await;
    }
    world.people.change("alice", |person| person.active = false);
    world.people.delete("bob");
    // The IAM's managers moved the end of the account after the lease was issued.
    world.end_account("carol", 0);
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 3);
    let mut reasons: Vec<_> = world
        .audit()
        .await
        .into_iter()
        .take(3)
        .map(|entry| entry.reason)
        .collect();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            "the IAM has no such account any more",
            "the account has ended",
            "the account is disabled"
        ]
    );
}

#[tokio::test]
async fn a_curator_who_may_now_only_read_loses_the_leases_to_write_and_keeps_those_to_read() {
    let world = World::new().await;
    let writing = world.issue("carol", &demo_writing(Method::Ec2)).await;
    let reading = world.issue("carol", &demo(Method::Ec2)).await;
    world.leave_groups("carol");
    world.join("carol", "demo/readers");
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 1);
    assert!(matches!(
        world.show(&writing.credentials).await,
        Err(Denied::Revoked { .. })
    ));
    world.show(&reading.credentials).await.unwrap();
    assert_eq!(
        world.keystone.of("ks-carol"),
        std::slice::from_ref(&reading.credentials.access_key_id)
    );
}

#[tokio::test]
async fn credentials_that_they_made_and_never_used_here_are_deleted_too() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::Ec2)).await;
    let unused = world.keystone.make("ks-alice", "demo-ro");
    let elsewhere = world.keystone.make("ks-alice", "their-own-project");
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    assert!(!world.keystone.holds(&unused.access));
    assert!(
        world.keystone.holds(&elsewhere.access),
        "other projects are none of our business"
    );
}

#[tokio::test]
async fn the_iams_silence_revokes_nothing_however_long_it_lasts() {
    let world = World::new().await;
    let issued = world
        .issue("alice", &demo_for(Method::Gateway, "43200"))
        .await;
    world.leave_groups("alice");
    for mood in [Mood::Away, Mood::Refusing] {
        world.people.door.be(mood);
        world.wait(10 * GRACE);
        let report = world.broker.watch_once().await.unwrap();
        assert_eq!(
            report,
            WatchReport {
                people: 1,
                revoked: 0,
                unanswered: 1
            }
        );
        world.show(&issued.credentials).await.unwrap();
    }
    world.people.door.be(Mood::Well);
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 1);
}

#[tokio::test]
async fn while_keystone_is_away_the_revoked_are_refused_and_their_credentials_deleted_later() {
    let mut world = World::new().await;
    let issued = world.issue("alice", &demo_for(Method::Ec2, "43200")).await;
    world.show(&issued.credentials).await.unwrap();
    world.leave_groups("alice");
    world.keystone.be(Mood::Away);
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 1);
    assert!(matches!(
        world.show(&issued.credentials).await,
        Err(Denied::Revoked { .. })
    ));
    assert!(world.keystone.holds(&issued.credentials.access_key_id));
    world.restart().await;
    world.broker.watch_once().await.unwrap();
    assert!(world.keystone.holds(&issued.credentials.access_key_id));
    world.keystone.be(Mood::Well);
    world.wait(5);
    world.broker.watch_once().await.unwrap();
    assert!(!world.keystone.holds(&issued.credentials.access_key_id));
}

#[tokio::test]
async fn what_was_revoked_stays_revoked_after_a_restart() {
    let mut world = World::new().await;
    let issued = leases(&world, "alice").await;
    let adopted = world.keystone.make("ks-alice", "demo-ro");
    world.show_ec2(&adopted.access).await.unwrap();
    world.leave_groups("alice");
    world.keystone.be(Mood::Away);
    world.broker.watch_once().await.unwrap();
    world.keystone.be(Mood::Well);
    world.restart().await;
    for access in [&issued[0].credentials.access_key_id, &adopted.access] {
        assert!(matches!(
            world.show_ec2(access).await,
            Err(Denied::Revoked { .. })
        ));
    }
    let denied = world.show(&issued[3].credentials).await.unwrap_err();
    assert!(matches!(denied, Denied::Revoked { at, .. } if at == world.now()));
}

#[tokio::test]
async fn whoever_is_admitted_again_gets_new_leases_and_old_ec2_credentials_stay_revoked() {
    let world = World::new().await;
    let old = leases(&world, "alice").await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    assert_eq!(
        world
            .try_issue("alice", &demo(Method::Gateway))
            .await
            .unwrap_err()
            .code(),
        "not_a_member"
    );
    world.join("alice", "demo/readers");
    let new = leases(&world, "alice").await;
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 0);
    for (old, new) in old
        .iter()
        .zip(&new)
        .filter(|(old, _)| matches!(old.lease.method, Method::Ec2 | Method::Gateway))
    {
        // Session tokens go on: see `reinstate`.
        let revoked = matches!(
            world.show(&old.credentials).await,
            Err(Denied::Revoked { .. })
        );
        assert_eq!(revoked, old.lease.method == Method::Ec2);
        world.show(&new.credentials).await.unwrap();
    }
    assert_eq!(
        world.keystone.of("ks-alice"),
        std::slice::from_ref(&new[0].credentials.access_key_id)
    );
}

#[tokio::test]
async fn a_database_that_fails_does_not_let_the_revoked_back_in() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    world.leave_groups("alice");
    world.sql("CREATE TRIGGER full BEFORE UPDATE ON lease BEGIN SELECT RAISE(ABORT, 'disk full'); END").await;
    assert!(world.broker.watch_once().await.is_err());
    assert!(matches!(
        world.show(&issued.credentials).await,
        Err(Denied::Revoked { .. })
    ));
    world.sql("DROP TRIGGER full").await;
    assert_eq!(world.broker.watch_once().await.unwrap().revoked, 1);
}

#[tokio::test]
async fn a_revoked_lease_that_has_ended_by_itself_is_forgotten_and_still_refused() {
    let world = World::new().await;
    let token = world
        .issue("alice", &demo_for(Method::Gateway, "43200"))
        .await;
    let ec2 = world.issue("alice", &demo_for(Method::Ec2, "43200")).await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    world.wait(43_200);
    let refused = async |issued: &Issued| world.show(&issued.credentials).await.unwrap_err().code();
    assert_eq!(
        (refused(&token).await, refused(&ec2).await),
        ("revoked", "revoked")
    );
    world.broker.watch_once().await.unwrap();
    assert_eq!(
        (refused(&token).await, refused(&ec2).await),
        ("expired", "unknown_key")
    );
}

#[tokio::test]
async fn somebody_without_a_live_lease_is_not_asked_about() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.wait(3600);
    let asked = world.people.door.asked();
    assert_eq!(
        world.broker.watch_once().await.unwrap(),
        WatchReport::default()
    );
    assert_eq!(world.people.door.asked(), asked);
}

#[tokio::test]
async fn the_watch_looks_again_and_again_until_it_is_told_to_stop() {
    let world = World::new().await;
    let issued = world
        .issue("alice", &demo_for(Method::Gateway, "43200"))
        .await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let before = world.people.door.asked();
    let watch = tokio::spawn(world.broker.clone().watch(stopped));
    let seen = async {
        while world.people.door.asked() < before + 3 {
            tokio::time::sleep(WATCH_EVERY).await;
        }
        world.leave_groups("alice");
        while world.show(&issued.credentials).await.is_ok() {
            tokio::time::sleep(WATCH_EVERY).await;
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, seen).await.unwrap();
    stop.send(true).unwrap();
    tokio::time::timeout(TEST_TIMEOUT, watch)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_watch_whose_owner_is_gone_stops() {
    let world = World::new().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    drop(stop);
    tokio::time::timeout(TEST_TIMEOUT, world.broker.clone().watch(stopped))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_somebody_made_in_openstack_is_deleted_though_their_leases_were_all_the_backend_users()
{
    let world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    let hers = world.keystone.make("ks-alice", "demo-ro").access;
    let elsewhere = world.keystone.make("ks-alice", "not-a-survey").access;
    let bobs = world.keystone.make("ks-bob", "demo-ro").access;
    world.leave_groups("alice");
    world.keystone.be(Mood::Away);
    world.broker.watch_once().await.unwrap();
    assert!(world.keystone.holds(&hers), "Keystone was away");
    world.keystone.be(Mood::Well);
    world.wait(5);
    world.broker.watch_once().await.unwrap();
    assert!(!world.keystone.holds(&hers));
    assert!(world.keystone.holds(&elsewhere) && world.keystone.holds(&bobs));
}
