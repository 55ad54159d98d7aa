//! What is promised about a removal is not too little.

use skykey_broker::{AfterRemoval, ProjectLeases};
use skykey_types::{Method, RequestId, SignedDuration, Timestamp};

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{World, caller, demo, demo_for, echo};

/// RGW remembers the credential for 300 s and makes tokens of 43,200 s.
const TOKENS: i64 = 43_500;

async fn at_echo(deletes_ec2: bool) -> World {
    let mut world = World::new().await;
    world.restart_with(echo(deletes_ec2)).await;
    world
}

fn told(world: &World, survey: &str, method: Method) -> AfterRemoval {
    world.broker.after_removal(&survey.parse().unwrap(), method)
}

fn numbers(after: AfterRemoval) -> (&'static str, Option<i64>, Option<i64>) {
    (after.code(), after.seconds(), after.own_tokens_seconds())
}

#[tokio::test]
async fn session_tokens_that_people_make_at_echo_themselves_are_told_of() {
    let world = at_echo(true).await;
    let ec2 = told(&world, "demo", Method::Ec2);
    assert_eq!(numbers(ec2), ("works-for-seconds", Some(300), Some(TOKENS)));
    assert_eq!(
        ec2.words(),
        "they may work for up to 300 s more, because the object store remembers them for so long; a session token that you made from them at the object store's own STS works until it ends, up to 43500 s more"
    );
    // By any method: who may have an EC2 credential of the survey may have made one.
    for method in [Method::StsLite, Method::AssumeRole] {
        let after = told(&world, "demo", method);
        assert_eq!(numbers(after), ("works-until-expiry", None, Some(TOKENS)));
        assert!(
            after
                .words()
                .contains("from an EC2 credential of your own for the survey"),
            "{}",
            after.words()
        );
    }
    // A survey without ec2.
    let plain = told(&world, "brief", Method::StsLite);
    assert_eq!(numbers(plain), ("works-until-expiry", None, None));
    assert!(!plain.words().contains("STS"), "{}", plain.words());
}

#[tokio::test]
async fn without_an_administrator_the_tokens_are_counted_from_the_deletion() {
    let world = at_echo(false).await;
    let after = told(&world, "demo", Method::Ec2);
    assert_eq!(numbers(after), ("works-until-deleted", None, None));
    assert!(
        after
            .words()
            .ends_with("up to 43500 s after the EC2 credential was deleted"),
        "{}",
        after.words()
    );
}

#[tokio::test]
async fn at_our_own_endpoint_nothing_outlives_a_removal() {
    let world = World::new().await;
    for method in Method::ALL {
        let after = told(&world, "demo", method);
        assert_eq!(numbers(after), ("refused-at-once", Some(0), None));
        assert_eq!(after.words(), "they are refused at the next request");
    }
}

async fn standing(world: &World, survey: &str) -> ProjectLeases {
    let survey = world.broker.surveys().named(survey).unwrap();
    let project = &survey.readers_project;
    let database = world.broker.database();
    database
        .project_leases(survey, project, world.now())
        .await
        .unwrap()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "compared with what may not be there"
)]
fn after(start: Timestamp, seconds: i64) -> Option<Timestamp> {
    Some(start + SignedDuration::from_secs(seconds))
}

#[tokio::test]
async fn a_suspension_counts_the_tokens_that_the_removed_made_at_echo_themselves() {
    let world = at_echo(true).await;
    world.issue("alice", &demo_for(Method::Ec2, "3600")).await;
    world.issue("bob", &demo_for(Method::StsLite, "3600")).await;
    assert_eq!(
        standing(&world, "demo").await.own_tokens_until(world.now()),
        None
    );
    world.wait(600);
    let removed = world.now();
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    // Also when every lease would have ended by itself.
    for waited in [0, 7200, 36_000] {
        world.wait(waited);
        let own = standing(&world, "demo").await.own_tokens_until(world.now());
        assert_eq!(own, after(removed, TOKENS), "{waited}");
    }
    world.wait(300);
    assert_eq!(
        standing(&world, "demo").await.own_tokens_until(world.now()),
        None
    );
    // What bob made in OpenStack nobody knows.
    world.issue("bob", &demo(Method::StsLite)).await;
    world.leave_groups("bob");
    world.broker.watch_once().await.unwrap();
    let own = standing(&world, "demo").await.own_tokens_until(world.now());
    assert_eq!(own, after(world.now(), TOKENS));
}

#[tokio::test]
async fn a_suspension_counts_from_the_deletion_if_keystone_was_away_at_the_removal() {
    let world = at_echo(true).await;
    world.issue("alice", &demo(Method::Ec2)).await;
    world.leave_groups("alice");
    world.keystone.be(Mood::Away);
    world.broker.watch_once().await.unwrap();
    world.wait(7200);
    let waiting = standing(&world, "demo").await;
    assert_eq!(waiting.pending_deletions, 1);
    assert_eq!(
        waiting.own_tokens_until(world.now()),
        after(world.now(), TOKENS)
    );
    world.keystone.be(Mood::Well);
    world.broker.watch_once().await.unwrap();
    let deleted = world.now();
    world.wait(60);
    let done = standing(&world, "demo").await;
    assert_eq!(done.pending_deletions, 0);
    assert_eq!(done.own_tokens_until(world.now()), after(deleted, TOKENS));
}

#[tokio::test]
async fn a_suspension_counts_the_tokens_of_whoever_gave_an_ec2_credential_back() {
    let world = at_echo(true).await;
    let issued = world.issue("alice", &demo(Method::Ec2)).await;
    let given = world.now();
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
    let own = standing(&world, "demo").await.own_tokens_until(world.now());
    assert_eq!(own, after(given, TOKENS));
}

#[tokio::test]
async fn a_survey_without_ec2_has_no_tokens_but_those_of_its_leases() {
    let world = at_echo(true).await;
    let fields = skykey_broker::LeaseFields {
        survey: "brief".to_owned(),
        ..demo(Method::StsLite)
    };
    world.issue("alice", &fields).await;
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    let brief = standing(&world, "brief").await;
    assert_eq!(
        (brief.own_tokens_until(world.now()), brief.pending_deletions),
        (None, 0)
    );
    assert!(brief.revoked_until.is_some());
}
