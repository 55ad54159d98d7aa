//! Read-only is proved before the first lease, and again; what is not proved is not issued.

use skykey_broker::{Denied, Proof};
use skykey_types::Method;

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{World, caller, demo, demo_writing};

fn writes() -> Proof {
    Proof::Writes(vec!["PutObject".to_owned()])
}

#[tokio::test]
async fn a_survey_whose_readers_can_write_issues_nothing_to_readers_by_any_method() {
    let world = World::new().await;
    world.prover.find(writes());
    for method in Method::ALL {
        let denied = world.refused(&caller("alice"), &demo(method)).await;
        assert!(
            matches!(&denied, Denied::NotReadOnly { operations, .. } if operations == &["PutObject"])
        );
        assert_eq!(denied.code(), "not_read_only");
    }
    let audit = world.audit().await;
    let proved = audit.iter().filter(|entry| entry.action == "prove");
    assert!(proved.clone().count() >= 1);
    assert!(
        proved
            .clone()
            .all(|entry| entry.outcome == "no" && entry.reason.contains("PutObject"))
    );
}

#[tokio::test]
async fn a_curator_who_writes_does_not_need_the_proof() {
    let world = World::new().await;
    world.prover.find(writes());
    world.issue("carol", &demo_writing(Method::Gateway)).await;
}

#[tokio::test]
async fn it_goes_on_by_itself_once_writing_is_refused_again() {
    let world = World::new().await;
    world.prover.find(writes());
    world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    world.prover.find(Proof::ReadOnly);
    let tried = world.prover.door.asked();
    world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert_eq!(world.prover.door.asked(), tried, "not at every request");
    world.wait(31);
    world.issue("alice", &demo(Method::Gateway)).await;
}

#[tokio::test]
async fn a_proof_is_made_once_for_many_and_again_every_hour() {
    let world = World::new().await;
    for _ in 0..5 {
        world.issue("alice", &demo(Method::Gateway)).await;
    }
    assert_eq!(world.prover.door.asked(), 1);
    world.broker.upkeep_once().await;
    let all = world.prover.door.asked();
    assert_eq!(all, 10, "every survey by every method it offers");
    world.wait(3599);
    world.broker.upkeep_once().await;
    assert_eq!(world.prover.door.asked(), all);
    world.wait(1);
    world.broker.upkeep_once().await;
    assert_eq!(world.prover.door.asked(), 2 * all);
}

#[tokio::test]
async fn a_policy_that_somebody_widens_later_stops_the_leases_within_the_hour() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.prover.find(writes());
    world.issue("alice", &demo(Method::Gateway)).await;
    world.wait(3600);
    world.broker.upkeep_once().await;
    world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
}

#[tokio::test]
async fn what_cannot_be_tried_is_not_proved() {
    let world = World::new().await;
    world.prover.door.be(Mood::Away);
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert_eq!(denied.code(), "upstream_away");
    world.prover.door.be(Mood::Well);
    world.prover.find(Proof::Unclear("HTTP 500".to_owned()));
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert_eq!(denied.code(), "upstream_away");
    world
        .prover
        .find(Proof::Unreadable("AccessDenied".to_owned()));
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert_eq!(denied.code(), "not_readable");
}

#[tokio::test]
async fn an_outage_does_not_stop_what_was_lately_proved() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.prover.door.be(Mood::Away);
    world.wait(3600);
    world.broker.upkeep_once().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.wait(3600);
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert_eq!(denied.code(), "upstream_away", "but not for ever");
}

#[tokio::test]
async fn a_survey_that_was_never_proved_is_told_of_and_why() {
    let world = World::new().await;
    let of_plain = || {
        let mut proofs = world.broker.proofs().into_iter();
        proofs
            .find(|proof| proof.survey.as_str() == "plain")
            .unwrap()
    };
    let plain = of_plain();
    assert_eq!(
        (plain.last, plain.issues, plain.untried),
        (None, false, None)
    );
    world.prover.door.be(Mood::Away);
    world.broker.upkeep_once().await;
    let plain = of_plain();
    assert!(plain.last.is_none() && !plain.issues);
    assert!(plain.untried.unwrap().contains("connection refused"));
    world.prover.door.be(Mood::Well);
    world.broker.upkeep_once().await;
    let plain = of_plain();
    assert!(plain.issues && plain.untried.is_none());
    // Too old to issue by.
    world.prover.door.be(Mood::Away);
    world.wait(2 * 3600);
    world.broker.upkeep_once().await;
    let plain = of_plain();
    assert!(plain.last.is_some() && !plain.issues && plain.untried.is_some());
}
