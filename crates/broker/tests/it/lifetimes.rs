//! How long a lease lasts, to the second.

use skykey_broker::{Denied, LeaseFields};
use skykey_types::{Limit, Method, SignedDuration};

use skykey_testkit::broker::{World, caller, demo, demo_for};

#[tokio::test]
async fn a_lifetime_outside_the_range_or_not_in_plain_digits_is_refused_by_every_method() {
    let world = World::new().await;
    for method in Method::ALL {
        for lifetime in [
            "3599",
            "43201",
            "1e9",
            "-1",
            "",
            "3600abc",
            "0",
            "99999999999999999999",
            "+3600",
            "3600.0",
        ] {
            let denied = world
                .refused(&caller("alice"), &demo_for(method, lifetime))
                .await;
            assert!(
                matches!(denied, Denied::Lifetime(_)),
                "{method} {lifetime:?}"
            );
            assert_eq!(denied.code(), "bad_lifetime");
        }
    }
    assert_eq!(world.keystone.secrets(), [], "nothing was made for them");
}

#[tokio::test]
async fn the_shortest_and_the_longest_lease_last_exactly_as_long_as_asked() {
    for method in [Method::Gateway, Method::Ec2] {
        for seconds in [3600, 43_200] {
            let world = World::new().await;
            let issued = world
                .issue("alice", &demo_for(method, &seconds.to_string()))
                .await;
            assert_eq!(
                issued.lease.expires,
                Some(world.now() + SignedDuration::from_secs(seconds))
            );
            assert_eq!(issued.lease.limit, Limit::Asked);
            world.wait(seconds - 1);
            world.show(&issued.credentials).await.unwrap();
            world.wait(1);
            let denied = world.show(&issued.credentials).await.unwrap_err();
            assert!(
                matches!(denied, Denied::Expired(end) if Some(end) == issued.lease.expires),
                "{method} {seconds}"
            );
        }
    }
}

#[tokio::test]
async fn an_sts_lite_lease_ends_when_sts_says() {
    let world = World::new().await;
    for seconds in [3600, 43_200] {
        let issued = world
            .issue("alice", &demo_for(Method::StsLite, &seconds.to_string()))
            .await;
        assert_eq!(
            issued.lease.expires,
            Some(world.now() + SignedDuration::from_secs(seconds))
        );
        assert_eq!(issued.lease.expires, issued.credentials.expiration);
    }
}

#[tokio::test]
async fn a_lease_issued_within_a_second_ends_on_a_whole_one_as_its_token_does() {
    let world = World::at("2027-01-01T00:00:00.7Z").await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    assert_eq!(issued.lease.expires, issued.credentials.expiration);
    assert_eq!(
        issued.lease.expires,
        Some("2027-01-01T01:00:00Z".parse().unwrap())
    );
    assert_eq!(
        world.show(&issued.credentials).await.unwrap().expires,
        issued.lease.expires
    );
}

#[tokio::test]
async fn the_accounts_end_cuts_a_lease_and_limit_says_so() {
    let world = World::new().await;
    world.end_account("alice", 5000);
    for method in Method::ALL {
        for fields in [demo_for(method, "43200"), demo_for(method, "5001")] {
            let issued = world.issue("alice", &fields).await;
            assert_eq!(
                issued.lease.expires,
                Some(world.now() + SignedDuration::from_secs(5000)),
                "{method}"
            );
            assert_eq!(issued.lease.limit, Limit::AccountEnd, "{method}");
            assert!(
                world
                    .newest_audit()
                    .await
                    .reason
                    .ends_with("decided by: account-end")
            );
        }
        assert_eq!(
            world
                .issue("alice", &demo_for(method, "5000"))
                .await
                .lease
                .limit,
            Limit::Asked
        );
        assert_eq!(
            world.issue("alice", &demo(method)).await.lease.limit,
            Limit::Default
        );
    }
}

#[tokio::test]
async fn an_account_that_ends_before_the_shortest_lease_gets_none() {
    let world = World::new().await;
    world.end_account("alice", 3600);
    assert_eq!(
        world
            .issue("alice", &demo_for(Method::Gateway, "43200"))
            .await
            .lease
            .limit,
        Limit::AccountEnd
    );
    world.end_account("alice", 3599);
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert!(matches!(denied, Denied::Lifetime(_)));
    assert_eq!(denied.hint(), "ask for your account to be extended");
}

#[tokio::test]
async fn a_survey_may_be_stricter_than_the_house() {
    let world = World::new().await;
    let brief = |lifetime: &str| LeaseFields {
        survey: "brief".to_owned(),
        ..demo_for(Method::StsLite, lifetime)
    };
    world.issue("alice", &brief("7200")).await;
    let denied = world.refused(&caller("alice"), &brief("7201")).await;
    assert_eq!(denied.hint(), "ask for 3600 to 7200 seconds");
}
