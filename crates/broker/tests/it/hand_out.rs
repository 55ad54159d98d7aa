//! Handing the same credentials out again.

use std::sync::Arc;

use skykey_broker::{Caller, HandedOut, LeaseFields, LeaseRequest, Proof};
use skykey_types::{Method, RequestId, SignedDuration};

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{GRACE, World, caller, demo, demo_for, parsed, subject};

/// Somebody whom the hub names; nothing acts in their name at the IAM.
fn from_the_hub(who: &str) -> Caller {
    Caller {
        iam_token: None,
        ..caller(who)
    }
}

fn request() -> LeaseRequest {
    parsed(&demo(Method::StsLite))
}

async fn ask(world: &World, who: &str) -> HandedOut {
    world
        .broker
        .hand_out(&from_the_hub(who), &request(), &RequestId::new())
        .await
}

async fn key(world: &World, who: &str) -> String {
    ask(world, who)
        .await
        .unwrap()
        .lease
        .access_key_id
        .to_string()
}

async fn code(world: &World, who: &str) -> &'static str {
    ask(world, who).await.unwrap_err().code()
}

/// Issued and refused leases, by the audit.
async fn issues(world: &World) -> usize {
    let audit = world.audit().await;
    audit.iter().filter(|entry| entry.action == "issue").count()
}

#[tokio::test]
async fn the_same_credentials_are_handed_out_until_little_is_left_then_new_ones() {
    let world = World::new().await;
    let first = key(&world, "alice").await;
    let (iam, sts) = (world.people.door.asked(), world.sts.door.asked());
    for _ in 0..10 {
        assert_eq!(key(&world, "alice").await, first);
    }
    let asked = (world.people.door.asked(), world.sts.door.asked());
    assert_eq!(asked, (iam, sts), "answered from memory");
    assert_eq!(issues(&world).await, 1);
    world.wait(3600 - 25 * 60);
    assert_eq!(key(&world, "alice").await, first, "25 minutes are left");
    world.wait(5 * 60);
    let second = key(&world, "alice").await;
    assert_ne!(second, first, "20 minutes are left");
    assert_eq!(key(&world, "alice").await, second);
    assert_eq!(issues(&world).await, 2);
    let leases = world.broker.leases(&subject("alice")).await.unwrap();
    assert_eq!(leases.len(), 2, "each is a lease as any other");
}

#[tokio::test]
async fn each_person_and_each_wish_has_credentials_of_its_own() {
    let world = World::new().await;
    let alice = key(&world, "alice").await;
    assert_ne!(key(&world, "bob").await, alice);
    let longer = parsed(&demo_for(Method::StsLite, "7200"));
    let issued = world
        .broker
        .hand_out(&from_the_hub("alice"), &longer, &RequestId::new())
        .await;
    assert_ne!(issued.unwrap().lease.access_key_id.as_str(), alice);
}

#[tokio::test]
async fn five_hundred_who_begin_together_make_one_lease_each_and_no_stampede() {
    let world = World::new().await;
    for number in 0..500 {
        world.people.add(&format!("p{number}"), &["demo/readers"]);
    }
    for _ in 0..2 {
        let mut tasks = tokio::task::JoinSet::new();
        // Each has two kernels.
        for number in 0..1000 {
            let broker = world.broker.clone();
            tasks.spawn(async move {
                let who = from_the_hub(&format!("p{}", number % 500));
                broker
                    .hand_out(&who, &request(), &RequestId::new())
                    .await
                    .unwrap();
            });
        }
        tasks.join_all().await;
    }
    assert_eq!(issues(&world).await, 500);
    assert_eq!(world.keystone.create.asked(), 1, "one backend credential");
    // One more proves that they cannot write.
    assert_eq!(world.sts.door.asked(), 501);
}

#[tokio::test]
async fn a_removal_that_the_watch_has_seen_ends_it_and_readmission_begins_anew() {
    let world = World::new().await;
    let first = key(&world, "alice").await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    assert_eq!(code(&world, "alice").await, "not_a_member");
    let (survey, at) = world
        .broker
        .last_removal(&subject("alice"), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((survey.as_str(), at), ("demo", world.now()));
    let other = "plain".parse().unwrap();
    let removal = world
        .broker
        .last_removal(&subject("alice"), Some(&other))
        .await;
    assert_eq!(removal.unwrap(), None);
    world.people.door.be(Mood::Away);
    world.wait(GRACE / 2);
    assert_eq!(
        code(&world, "alice").await,
        "not_a_member",
        "seen, so never within the grace"
    );
    world.people.door.be(Mood::Well);
    world.join("alice", "demo/readers");
    world.wait(5);
    assert_ne!(key(&world, "alice").await, first);
}

#[tokio::test]
async fn a_no_is_repeated_for_five_seconds_without_asking_the_iam() {
    let world = World::new().await;
    assert_eq!(code(&world, "dave").await, "not_a_member");
    let asked = world.people.door.asked();
    world.join("dave", "demo/readers");
    world.wait(4);
    assert_eq!(code(&world, "dave").await, "not_a_member");
    assert_eq!(world.people.door.asked(), asked);
    world.wait(1);
    key(&world, "dave").await;
}

#[tokio::test]
async fn what_was_given_back_is_not_handed_out_again() {
    let world = World::new().await;
    let issued = ask(&world, "alice").await.unwrap();
    let id = issued.lease.id.as_str();
    world
        .broker
        .give_back(&caller("alice"), id, &RequestId::new())
        .await
        .unwrap();
    assert_ne!(
        key(&world, "alice").await,
        issued.lease.access_key_id.as_str()
    );
}

#[tokio::test]
async fn while_systems_are_away_what_is_held_goes_on_until_a_minute_before_its_end() {
    let world = World::new().await;
    let first = key(&world, "alice").await;
    world.sts.door.be(Mood::Away);
    world.keystone.be(Mood::Away);
    world.wait(3600 - 19 * 60);
    assert_eq!(
        key(&world, "alice").await,
        first,
        "it should be renewed and cannot be"
    );
    world.wait(18 * 60 - 1);
    assert_eq!(key(&world, "alice").await, first, "61 s are left");
    world.wait(1);
    assert_eq!(code(&world, "alice").await, "upstream_away");
    world.sts.door.be(Mood::Well);
    world.keystone.be(Mood::Well);
    world.wait(5);
    assert_ne!(key(&world, "alice").await, first);
}

#[tokio::test]
async fn while_the_iam_is_away_what_is_held_goes_on_within_the_grace_only() {
    let world = World::new().await;
    let first = key(&world, "alice").await;
    world.people.door.be(Mood::Away);
    world.wait(GRACE);
    assert_eq!(key(&world, "alice").await, first);
    world.wait(1);
    assert_eq!(code(&world, "alice").await, "upstream_away");
    world.people.door.be(Mood::Well);
    assert_eq!(key(&world, "alice").await, first, "it was not lost");
}

#[tokio::test]
async fn an_account_that_has_ended_gets_nothing_from_memory() {
    let world = World::new().await;
    world.end_account("alice", 4000);
    key(&world, "alice").await;
    world.wait(100);
    world.end_account("alice", 0);
    assert_eq!(code(&world, "alice").await, "account_inactive");
}

#[tokio::test]
async fn while_readers_are_seen_to_write_nothing_is_handed_out_again() {
    let world = World::new().await;
    let first = key(&world, "alice").await;
    world
        .prover
        .find(Proof::Writes(vec!["PutObject".to_owned()]));
    world.wait(3 * 3600);
    assert_eq!(code(&world, "alice").await, "not_read_only");
    world.prover.find(Proof::ReadOnly);
    world.wait(31);
    assert_ne!(key(&world, "alice").await, first);
}

#[tokio::test]
async fn the_same_and_nothing_else_while_nobody_can_say_who_it_is() {
    let world = World::new().await;
    let alice = from_the_hub("alice");
    let issued = ask(&world, "alice").await.unwrap();
    let same = async || {
        world
            .broker
            .hand_out_same(&alice, &request(), &issued.lease, &RequestId::new())
            .await
    };
    assert_eq!(same().await.unwrap().unwrap().lease.id, issued.lease.id);
    let bobs = ask(&world, "bob").await.unwrap();
    let of_bob = world
        .broker
        .hand_out_same(&alice, &request(), &bobs.lease, &RequestId::new())
        .await;
    assert!(of_bob.is_none());
    world.people.door.be(Mood::Away);
    world.wait(GRACE + 1);
    assert_eq!(code(&world, "alice").await, "upstream_away");
    let again = same().await.unwrap().unwrap();
    assert_eq!(again.lease.id, issued.lease.id, "it is theirs");
    world.people.door.be(Mood::Well);
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    let denied = same().await.unwrap().unwrap_err();
    assert_eq!(denied.code(), "not_a_member");
    world.wait(3600);
    assert!(same().await.is_none(), "it is over");
}

#[tokio::test]
async fn what_was_revoked_is_not_handed_out_again_though_nobody_can_say_who_it_is() {
    let world = World::new().await;
    let alice = from_the_hub("alice");
    let issued = ask(&world, "alice").await.unwrap();
    let id = issued.lease.id.as_str();
    world
        .broker
        .give_back(&caller("alice"), id, &RequestId::new())
        .await
        .unwrap();
    let again = world
        .broker
        .hand_out_same(&alice, &request(), &issued.lease, &RequestId::new())
        .await;
    assert_eq!(again.unwrap().unwrap_err().code(), "revoked");
    world.end_account("bob", 4000);
    let bobs = ask(&world, "bob").await.unwrap();
    world.end_account("bob", 0);
    world.broker.person(&caller("bob")).await.unwrap_err();
    let again = world
        .broker
        .hand_out_same(
            &from_the_hub("bob"),
            &request(),
            &bobs.lease,
            &RequestId::new(),
        )
        .await;
    assert_eq!(again.unwrap().unwrap_err().code(), "account_inactive");
}

#[tokio::test]
async fn an_older_lease_is_handed_out_again_while_it_lives_and_a_revocation_reaches_it() {
    let world = World::new().await;
    let alice = from_the_hub("alice");
    let first = ask(&world, "alice").await.unwrap();
    world.wait(3600 - 20 * 60);
    let second = ask(&world, "alice").await.unwrap();
    assert_ne!(second.lease.id, first.lease.id);
    let same = async |lease| {
        world
            .broker
            .hand_out_same(&alice, &request(), lease, &RequestId::new())
            .await
    };
    for issued in [&first, &second] {
        let again = same(&issued.lease).await.unwrap().unwrap();
        assert_eq!(again.lease.id, issued.lease.id);
    }
    let id = first.lease.id.as_str();
    world
        .broker
        .give_back(&caller("alice"), id, &RequestId::new())
        .await
        .unwrap();
    let again = same(&first.lease).await.unwrap();
    assert_eq!(again.unwrap_err().code(), "revoked");
}

/// The store tells the end by its own clock.
#[tokio::test]
async fn a_clock_behind_the_stores_hands_out_nothing_that_is_over() {
    let world = World::new().await;
    world.sts.be_ahead(SignedDuration::from_mins(40));
    let first = key(&world, "alice").await;
    world.wait(3600 - 25 * 60);
    assert_eq!(key(&world, "alice").await, first);
    world.wait(5 * 60);
    assert_ne!(key(&world, "alice").await, first, "an hour is an hour");
}

#[tokio::test]
async fn a_class_that_waits_for_a_proof_that_fails_tries_once() {
    let world = World::new().await;
    world.prover.find(Proof::Unclear("no answer".to_owned()));
    let mut tasks = tokio::task::JoinSet::new();
    for who in ["alice", "bob", "carol"] {
        let broker = world.broker.clone();
        tasks.spawn(async move {
            broker
                .hand_out(&from_the_hub(who), &request(), &RequestId::new())
                .await
        });
    }
    for outcome in tasks.join_all().await {
        assert_eq!(outcome.unwrap_err().code(), "upstream_away");
    }
    let proofs = world.audit().await;
    let proofs = proofs.iter().filter(|entry| entry.action == "prove");
    assert_eq!(proofs.count(), 1);
}

#[tokio::test]
async fn a_survey_that_there_is_not_is_refused_and_written_down() {
    let world = World::new().await;
    let request = LeaseRequest::new("atlantis".parse().unwrap());
    let denied = world
        .broker
        .hand_out(&from_the_hub("alice"), &request, &RequestId::new())
        .await;
    assert_eq!(denied.unwrap_err().code(), "no_such_survey");
    assert_eq!(world.newest_audit().await.outcome, "no");
}

#[tokio::test]
async fn a_cut_shortens_a_gateway_lease_and_never_lengthens_one() {
    let world = World::new().await;
    let lasts = async |method, survey: &str| {
        let fields = LeaseFields {
            survey: survey.to_owned(),
            ..demo(method)
        };
        let lease = world.issue("alice", &fields).await.lease;
        lease
            .expires
            .unwrap()
            .duration_since(lease.issued)
            .as_secs()
    };
    assert_eq!(lasts(Method::Gateway, "cut").await, 20);
    assert_eq!(lasts(Method::Gateway, "long-cut").await, 3600);
    assert_eq!(lasts(Method::StsLite, "cut").await, 3600);
}

#[tokio::test]
async fn a_login_name_is_somebodys_until_the_iam_calls_them_otherwise() {
    let world = World::new().await;
    let id = world.broker.by_username("alice").await.unwrap();
    assert_eq!(id, subject("alice"));
    assert_eq!(world.broker.by_sub("alice"), id);
    let nobody = world.broker.by_username("nobody").await.unwrap_err();
    assert_eq!(nobody.code(), "account_inactive");
    world.people.door.be(Mood::Away);
    let away = world.broker.by_username("alice").await.unwrap_err();
    assert_eq!(away.code(), "upstream_away");
}

#[tokio::test]
async fn who_gives_up_waiting_finds_it_made() {
    let world = World::new().await;
    let (broker, alice) = (world.broker.clone(), from_the_hub("alice"));
    let asking =
        tokio::spawn(async move { broker.hand_out(&alice, &request(), &RequestId::new()).await });
    while world.people.door.asked() == 0 {
        tokio::task::yield_now().await;
    }
    asking.abort();
    let issued = ask(&world, "alice").await.unwrap();
    assert_eq!(issues(&world).await, 1);
    assert!(Arc::ptr_eq(&issued, &ask(&world, "alice").await.unwrap()));
}
