//! `GetSessionToken`: an EC2 credential in, temporary credentials out.

use std::sync::Arc;

use skykey_broker::{Denied, Kind, Principal};
use skykey_types::{Limit, Method, RequestId, SignedDuration};

use skykey_testkit::broker::{BACKEND, Mood};
use skykey_testkit::broker::{GRACE, World, caller, demo, demo_for, subject};

/// Alice at the endpoint with an EC2 lease of twelve hours.
async fn alice(world: &World) -> Arc<Principal> {
    let issued = world.issue("alice", &demo_for(Method::Ec2, "43200")).await;
    world.show(&issued.credentials).await.unwrap()
}

#[tokio::test]
async fn a_renewal_lasts_900_to_43200_seconds_and_3600_if_nothing_is_said() {
    let world = World::new().await;
    let alice = alice(&world).await;
    for (asked, seconds, limit) in [
        (Some("900"), 900, Limit::Asked),
        (Some("43200"), 43_200, Limit::Asked),
        (None, 3600, Limit::Default),
    ] {
        let issued = world.renew(&alice, asked).await.unwrap();
        assert_eq!(
            issued.lease.expires,
            Some(world.now() + SignedDuration::from_secs(seconds)),
            "{asked:?}"
        );
        assert_eq!(issued.credentials.expiration, issued.lease.expires);
        assert_eq!(
            (issued.lease.limit, issued.lease.method),
            (limit, Method::StsLite)
        );
        let audit = world.newest_audit().await;
        assert_eq!(
            (audit.action.as_str(), audit.outcome.as_str()),
            ("renew", "yes")
        );
        assert_eq!(audit.lease.as_deref(), Some(issued.lease.id.as_str()));
        let principal = world.show(&issued.credentials).await.unwrap();
        assert_eq!(
            (&principal.subject, &principal.kind),
            (&subject("alice"), &Kind::Session)
        );
        assert_eq!(principal.rights, alice.rights);
    }
    assert_eq!(
        world.broker.leases(&subject("alice")).await.unwrap().len(),
        4
    );
}

#[tokio::test]
async fn a_renewal_outside_the_range_or_not_in_plain_digits_is_refused_and_written_down() {
    let world = World::new().await;
    let alice = alice(&world).await;
    for asked in ["899", "43201", "0", "", "1e9", "-1", "3600abc"] {
        let denied = world.renew(&alice, Some(asked)).await.unwrap_err();
        assert!(matches!(denied, Denied::Lifetime(_)), "{asked:?}");
        let audit = world.newest_audit().await;
        assert_eq!(
            (audit.action.as_str(), audit.outcome.as_str()),
            ("renew", "no")
        );
        assert_eq!(audit.reason, format!("bad_lifetime: {denied}"));
        assert_eq!(
            (audit.username.as_str(), audit.survey.as_deref()),
            ("alice", Some("demo"))
        );
    }
    assert_eq!(
        world.broker.leases(&subject("alice")).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_session_token_cannot_renew_itself() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let renewed = world.renew(&alice, None).await.unwrap();
    let leased = world.issue("alice", &demo(Method::Gateway)).await;
    for issued in [renewed, leased] {
        let session = world.show(&issued.credentials).await.unwrap();
        let denied = world.renew(&session, None).await.unwrap_err();
        assert!(matches!(denied, Denied::NeedsEc2));
        assert_eq!(
            world.newest_audit().await.reason,
            format!("needs_ec2: {denied}")
        );
    }
}

#[tokio::test]
async fn an_ec2_credential_that_was_revoked_renews_nothing_even_for_a_request_under_way() {
    let world = World::new().await;
    let alice = alice(&world).await;
    world
        .broker
        .give_back(&caller("alice"), alice.lease.as_str(), &RequestId::new())
        .await
        .unwrap();
    // The request had been authenticated before the lease was given back.
    let denied = world.renew(&alice, None).await.unwrap_err();
    assert_eq!(denied.code(), "revoked");
    assert_eq!(world.newest_audit().await.action, "renew");
    let access = world
        .broker
        .leases(&subject("alice"))
        .await
        .unwrap()
        .remove(0)
        .access_key_id;
    assert!(matches!(
        world.show_ec2(&access).await,
        Err(Denied::Revoked { .. })
    ));
}

#[tokio::test]
async fn whoever_left_the_group_renews_nothing_even_before_the_watch_has_looked() {
    let world = World::new().await;
    let alice = alice(&world).await;
    world.leave_groups("alice");
    assert_eq!(
        world.renew(&alice, None).await.unwrap_err().code(),
        "not_a_member"
    );
    world.people.delete("alice");
    assert_eq!(
        world.renew(&alice, None).await.unwrap_err().code(),
        "account_inactive"
    );
}

#[tokio::test]
async fn while_the_iam_is_away_renewals_go_on_for_the_grace() {
    let world = World::new().await;
    let alice = alice(&world).await;
    world.people.door.be(Mood::Away);
    world.wait(GRACE);
    world.renew(&alice, None).await.unwrap();
    world.wait(1);
    assert_eq!(
        world.renew(&alice, None).await.unwrap_err().code(),
        "upstream_away"
    );
}

#[tokio::test]
async fn the_accounts_end_and_the_surveys_maximum_cut_a_renewal() {
    let world = World::new().await;
    let made = world.keystone.make("ks-bob", "brief-ro");
    let bob = world.show_ec2(&made.access).await.unwrap();
    let issued = world.renew(&bob, Some("43200")).await.unwrap();
    assert_eq!(issued.lease.limit, Limit::SurveyMaximum);
    assert_eq!(
        issued.lease.expires,
        Some(world.now() + SignedDuration::from_secs(7200))
    );
    world.end_account("bob", 1000);
    let issued = world.renew(&bob, None).await.unwrap();
    assert_eq!(issued.lease.limit, Limit::AccountEnd);
    assert_eq!(
        issued.lease.expires,
        Some(world.now() + SignedDuration::from_secs(1000))
    );
    world.end_account("bob", 899);
    assert_eq!(
        world.renew(&bob, None).await.unwrap_err().code(),
        "bad_lifetime"
    );
}

#[tokio::test]
async fn a_renewal_does_not_outlive_the_ec2_lease_that_it_comes_from() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let end = alice.expires.unwrap();
    world.wait(43_200 - 1800);
    // What fits is what was asked.
    let issued = world.renew(&alice, Some("1800")).await.unwrap();
    assert_eq!(issued.lease.limit, Limit::Asked);
    for asked in [None, Some("43200")] {
        let issued = world.renew(&alice, asked).await.unwrap();
        assert_eq!(issued.lease.limit, Limit::LeaseEnd, "{asked:?}");
        assert_eq!(issued.lease.expires, Some(end));
        assert_eq!(issued.credentials.expiration, Some(end));
    }
    let audit = world.newest_audit().await;
    assert!(audit.reason.ends_with("decided by: lease-end"), "{audit:?}");
    // It is read back from the database.
    let leases = world.broker.leases(&subject("alice")).await.unwrap();
    assert!(leases.iter().any(|lease| lease.limit == Limit::LeaseEnd));
    world.wait(901);
    let denied = world.renew(&alice, Some("900")).await.unwrap_err();
    assert_eq!(denied.code(), "bad_lifetime");
    assert!(
        denied.hint().contains("new EC2 credential"),
        "{}",
        denied.hint()
    );
}

#[tokio::test]
async fn a_renewal_from_a_credential_without_an_end_is_not_cut() {
    let world = World::new().await;
    let made = world.keystone.make("ks-alice", "demo-ro");
    let alice = world.show_ec2(&made.access).await.unwrap();
    assert_eq!(alice.expires, None);
    let issued = world.renew(&alice, Some("43200")).await.unwrap();
    assert_eq!(issued.lease.limit, Limit::Asked);
}

#[tokio::test]
async fn a_survey_without_sts_lite_renews_nothing() {
    let world = World::new().await;
    let made = world.keystone.make("ks-alice", "plain-ro");
    let alice = world.show_ec2(&made.access).await.unwrap();
    assert!(matches!(
        world.renew(&alice, None).await,
        Err(Denied::NoSuchMethod {
            method: Method::StsLite,
            ..
        })
    ));
}

#[tokio::test]
async fn for_the_backend_user_credentials_are_made_and_no_lease_is_written() {
    let world = World::new().await;
    let made = world.keystone.make(BACKEND, "demo-ro");
    let backend = world.show_ec2(&made.access).await.unwrap();
    assert!(matches!(backend.kind, Kind::Ec2 { backend: true, .. }));
    let issued = world.renew(&backend, Some("900")).await.unwrap();
    let session = world.show(&issued.credentials).await.unwrap();
    assert!(session.rights.read("demo", "a") && !session.rights.write("demo", "a"));
    assert_eq!(world.broker.leases(&backend.subject).await.unwrap(), []);
    assert_eq!(world.audit().await, []);
    assert_eq!(world.people.door.asked(), 0);
    assert!(world.renew(&backend, Some("899")).await.is_err());
    assert_eq!(world.newest_audit().await.outcome, "no");
}
