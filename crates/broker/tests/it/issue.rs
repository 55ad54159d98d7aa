//! Issuing: who gets a lease, who does not, and what is written down.

use skykey_broker::{Broker, Denied, Kind, LeaseFields};
use skykey_types::{Access, LeaseId, Limit, Method, RequestId, SignedDuration};

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{
    GRACE, JOIN_AT, World, caller, demo, demo_for, demo_writing, parsed, subject,
};

#[tokio::test]
async fn a_member_gets_a_lease_by_every_method_and_the_audit_says_so() {
    let world = World::new().await;
    for method in Method::ALL {
        let issued = world.issue("alice", &demo(method)).await;
        let lease = &issued.lease;
        assert_eq!(
            (lease.method, lease.access, lease.limit),
            (method, Access::Read, Limit::Default)
        );
        assert_eq!(lease.id, LeaseId::of(&issued.credentials.access_key_id));
        assert_eq!(
            lease.expires,
            Some(world.now() + SignedDuration::from_secs(3600))
        );
        assert_eq!(
            world
                .broker
                .leases(&subject("alice"))
                .await
                .unwrap()
                .iter()
                .filter(|l| *l == lease)
                .count(),
            1
        );
        let audit = world.newest_audit().await;
        assert_eq!(
            (audit.action.as_str(), audit.outcome.as_str()),
            ("issue", "yes")
        );
        assert_eq!(audit.lease.as_deref(), Some(lease.id.as_str()));
        assert_eq!(audit.method.as_deref(), Some(method.as_str()));
        assert!(
            audit.reason.ends_with("decided by: default"),
            "{}",
            audit.reason
        );
    }
    assert_eq!(
        world.broker.leases(&subject("alice")).await.unwrap().len(),
        Method::ALL.len()
    );
    assert_eq!(world.broker.leases(&subject("bob")).await.unwrap(), []);
}

#[tokio::test]
async fn a_request_for_nothing_but_a_survey_gets_its_first_method_to_read_for_the_shortest_time() {
    let world = World::new().await;
    let issued = world
        .issue(
            "alice",
            &LeaseFields {
                survey: "plain".to_owned(),
                ..LeaseFields::default()
            },
        )
        .await;
    let principal = world.show(&issued.credentials).await.unwrap();
    assert_eq!(
        (principal.survey.as_str(), principal.access, &principal.kind),
        ("plain", Access::Read, &Kind::Session)
    );
    assert_eq!(principal.subject, subject("alice"));
    assert_eq!(
        principal.secret_access_key,
        issued.credentials.secret_access_key
    );
    assert!(principal.rights.read("plain", "a") && !principal.rights.write("plain", "a"));
    assert!(!principal.rights.see("demo"));
}

#[tokio::test]
async fn a_curator_may_write_and_a_reader_may_not() {
    let world = World::new().await;
    let issued = world.issue("carol", &demo_writing(Method::Gateway)).await;
    assert!(
        world
            .show(&issued.credentials)
            .await
            .unwrap()
            .rights
            .write("demo", "a")
    );
    let denied = world
        .refused(&caller("alice"), &demo_writing(Method::Gateway))
        .await;
    assert_eq!(
        denied.to_string(),
        "alice may not write the survey demo: not a member of demo/curators"
    );
}

#[tokio::test]
async fn a_writer_gets_the_data_project_and_a_reader_the_readers_project() {
    let world = World::new().await;
    let writing = world.issue("carol", &demo_writing(Method::Ec2)).await;
    let reading = world.issue("carol", &demo(Method::Ec2)).await;
    let access = async |issued: &skykey_broker::Issued| {
        world.show(&issued.credentials).await.unwrap().access
    };
    assert_eq!(access(&writing).await, Access::Write);
    assert_eq!(access(&reading).await, Access::Read);
}

#[tokio::test]
async fn a_survey_that_there_is_not_is_refused() {
    let world = World::new().await;
    let fields = LeaseFields {
        survey: "atlantis".to_owned(),
        ..LeaseFields::default()
    };
    let denied = world.refused(&caller("alice"), &fields).await;
    assert!(matches!(&denied, Denied::NoSuchSurvey(name) if name == "atlantis"));
    assert_eq!(denied.code(), "no_such_survey");
    assert_eq!(
        world.people.door.asked(),
        0,
        "nobody is asked about a fields that cannot be granted"
    );
}

#[tokio::test]
async fn a_very_long_survey_name_is_written_down_shortened() {
    let world = World::new().await;
    let fields = LeaseFields {
        survey: "ß".repeat(10_000),
        method: Some("x".repeat(10_000)),
        ..LeaseFields::default()
    };
    assert!(matches!(
        world.try_issue("alice", &fields).await,
        Err(Denied::NoSuchSurvey(_))
    ));
    let audit = world.newest_audit().await;
    assert!(
        audit.reason.len() < 300
            && audit.survey.unwrap().len() < 200
            && audit.method.unwrap().len() < 100
    );
}

#[tokio::test]
async fn a_method_that_there_is_not_is_refused() {
    let world = World::new().await;
    for method in ["", "EC2", "web-identity", "gateway "] {
        let fields = LeaseFields {
            method: Some(method.to_owned()),
            ..demo(Method::Gateway)
        };
        let denied = world.refused(&caller("alice"), &fields).await;
        assert!(matches!(denied, Denied::NotAMethod(_)), "{method:?}");
        assert_eq!(denied.code(), "bad_method");
    }
}

#[tokio::test]
async fn a_method_that_the_survey_does_not_offer_is_refused_and_the_hint_names_those_it_does() {
    let world = World::new().await;
    let fields = LeaseFields {
        survey: "plain".to_owned(),
        ..demo(Method::Ec2)
    };
    let denied = world.refused(&caller("alice"), &fields).await;
    assert!(matches!(
        denied,
        Denied::NoSuchMethod {
            method: Method::Ec2,
            ..
        }
    ));
    assert_eq!(
        (denied.code(), denied.hint().as_str()),
        ("bad_method", "choose one of: gateway")
    );
}

#[tokio::test]
async fn an_access_other_than_read_and_write_is_refused() {
    let world = World::new().await;
    for access in ["", "Read", "admin", "read,write"] {
        let fields = LeaseFields {
            access: Some(access.to_owned()),
            ..demo(Method::Gateway)
        };
        let denied = world.refused(&caller("carol"), &fields).await;
        assert!(matches!(denied, Denied::NotAnAccess(_)), "{access:?}");
        assert_eq!(denied.code(), "bad_access");
    }
}

#[tokio::test]
async fn somebody_in_no_group_is_refused_and_told_which_to_join_and_where() {
    let world = World::new().await;
    for method in Method::ALL {
        let denied = world.refused(&caller("dave"), &demo(method)).await;
        assert_eq!(denied.code(), "not_a_member");
        assert_eq!(
            denied.to_string(),
            "dave may not read the survey demo: not a member of demo/readers"
        );
        assert_eq!(
            denied.hint(),
            format!("ask to join demo/readers at {JOIN_AT}")
        );
    }
    assert_eq!(world.keystone.secrets(), [], "nothing was made for them");
}

#[tokio::test]
async fn an_account_that_is_disabled_is_refused() {
    let world = World::new().await;
    world.people.change("alice", |person| person.active = false);
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert!(matches!(&denied, Denied::NoAccount(who) if who == "alice"));
    assert_eq!(denied.code(), "account_inactive");
}

#[tokio::test]
async fn an_account_that_has_ended_is_refused_even_if_the_iam_still_calls_it_active() {
    let world = World::new().await;
    for ago in [0, 1, 86_400] {
        world.end_account("alice", -ago);
        let denied = world
            .refused(&caller("alice"), &demo(Method::Gateway))
            .await;
        assert!(matches!(denied, Denied::NoAccount(_)), "{ago}");
    }
}

#[tokio::test]
async fn an_account_that_the_iam_does_not_know_is_refused() {
    let world = World::new().await;
    let denied = world
        .refused(&caller("mallory"), &demo(Method::Gateway))
        .await;
    assert!(matches!(denied, Denied::NoAccount(_)));
}

#[tokio::test]
async fn the_same_sub_of_another_issuer_is_somebody_else() {
    let world = World::new().await;
    let mut mallory = caller("alice");
    mallory.id.issuer = "https://elsewhere.example/".to_owned();
    let denied = world.refused(&mallory, &demo(Method::Gateway)).await;
    assert!(matches!(denied, Denied::NoAccount(_)));
}

#[tokio::test]
async fn while_the_iam_is_away_nobody_it_has_not_vouched_for_gets_a_lease() {
    let world = World::new().await;
    world.people.door.be(Mood::Away);
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert!(matches!(
        denied,
        Denied::Away {
            system: "the IAM",
            ..
        }
    ));
    assert_eq!(denied.code(), "upstream_away");
}

/// A deleted person was told that the IAM does not answer, and to try again in a few minutes.
#[tokio::test]
async fn whoever_must_be_asked_about_with_a_login_that_has_ended_is_told_to_log_in() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.people.door.be(Mood::Refusing);
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert!(matches!(denied, Denied::LoginEnded));
    assert_eq!(denied.code(), "needs_login");
    assert!(denied.hint().contains("log in again"));
}

#[tokio::test]
async fn the_iams_last_word_is_good_for_the_grace_and_not_a_second_longer() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::Gateway)).await;
    world.people.door.be(Mood::Away);
    world.wait(GRACE);
    world.issue("alice", &demo(Method::Gateway)).await;
    world.wait(1);
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert!(
        matches!(
            denied,
            Denied::Away {
                system: "the IAM",
                ..
            }
        ),
        "the second lease did not lengthen the grace"
    );
    world.people.door.be(Mood::Well);
    world.issue("alice", &demo(Method::Gateway)).await;
}

#[tokio::test]
async fn the_grace_repeats_a_no_as_well() {
    let world = World::new().await;
    world.refused(&caller("dave"), &demo(Method::Gateway)).await;
    world.people.delete("alice");
    world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    world.people.door.be(Mood::Away);
    let not_member = world.refused(&caller("dave"), &demo(Method::Gateway)).await;
    assert_eq!(not_member.code(), "not_a_member");
    let deleted = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert_eq!(
        deleted.code(),
        "upstream_away",
        "of a deleted account nothing is remembered"
    );
}

#[tokio::test]
async fn an_account_that_ends_within_the_grace_is_refused_within_the_grace() {
    let world = World::new().await;
    world.end_account("alice", 4000);
    world.issue("alice", &demo(Method::Gateway)).await;
    world.wait(3500);
    world.people.door.be(Mood::Well);
    world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    world.people.door.be(Mood::Away);
    world.wait(500);
    let denied = world
        .refused(&caller("alice"), &demo(Method::Gateway))
        .await;
    assert!(matches!(denied, Denied::NoAccount(_)));
}

#[tokio::test]
async fn while_keystone_is_away_only_gateway_leases_are_issued() {
    let world = World::new().await;
    world.keystone.be(Mood::Away);
    for method in [Method::Ec2, Method::StsLite] {
        let denied = world.refused(&caller("alice"), &demo(method)).await;
        assert!(
            matches!(
                denied,
                Denied::Away {
                    system: "Keystone",
                    ..
                }
            ),
            "{method}"
        );
    }
    world.issue("alice", &demo(Method::Gateway)).await;
}

#[tokio::test]
async fn a_refusal_by_keystone_is_passed_on() {
    let world = World::new().await;
    world.keystone.be(Mood::Refusing);
    for method in [Method::Ec2, Method::StsLite] {
        let denied = world.refused(&caller("alice"), &demo(method)).await;
        assert!(
            matches!(
                denied,
                Denied::Upstream {
                    system: "Keystone",
                    ..
                }
            ),
            "{method}"
        );
        assert_eq!(denied.code(), "upstream_refused");
    }
}

#[tokio::test]
async fn while_sts_is_away_no_sts_lite_lease_is_issued() {
    let world = World::new().await;
    world.sts.door.be(Mood::Away);
    let denied = world
        .refused(&caller("alice"), &demo(Method::StsLite))
        .await;
    assert!(matches!(denied, Denied::Away { system: "STS", .. }));
    world.issue("alice", &demo(Method::Ec2)).await;
}

#[tokio::test]
async fn the_method_ec2_needs_a_login_at_the_iam() {
    let world = World::new().await;
    let mut alice = caller("alice");
    alice.iam_token = None;
    let denied = world.refused(&alice, &demo(Method::Ec2)).await;
    assert!(matches!(denied, Denied::NeedsLogin));
    assert_eq!(denied.code(), "needs_login");
    for method in [Method::StsLite, Method::Gateway] {
        world
            .broker
            .issue(&alice, &parsed(&demo(method)), &RequestId::new())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_database_that_fails_gives_no_lease_and_leaves_no_ec2_credential_behind() {
    let world = World::new().await;
    world.sql("CREATE TRIGGER full BEFORE INSERT ON lease BEGIN SELECT RAISE(ABORT, 'disk full'); END").await;
    for method in Method::ALL {
        let denied = world.refused(&caller("alice"), &demo(method)).await;
        assert!(matches!(denied, Denied::Database(_)), "{method}");
        assert_eq!(denied.code(), "internal");
    }
    assert_eq!(world.keystone.of("ks-alice"), []);
    assert_eq!(world.keystone.delete.asked(), 1);
    world.sql("DROP TRIGGER full").await;
    world.issue("alice", &demo(Method::Ec2)).await;
}

#[tokio::test]
async fn an_audit_that_cannot_be_written_gives_no_lease() {
    let world = World::new().await;
    world.sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END").await;
    assert!(matches!(
        world.try_issue("alice", &demo(Method::Ec2)).await,
        Err(Denied::Database(_))
    ));
    assert!(matches!(
        world.try_issue("dave", &demo(Method::Ec2)).await,
        Err(Denied::Database(_))
    ));
    assert_eq!(world.broker.leases(&subject("alice")).await.unwrap(), []);
    assert_eq!(world.keystone.of("ks-alice"), []);
}

#[tokio::test]
async fn the_search_for_secrets_on_disk_finds_what_is_there() {
    let world = World::new().await;
    let issued = world
        .issue("alice", &demo_for(Method::StsLite, "7200"))
        .await;
    assert!(world.on_disk("alice") && world.on_disk(issued.lease.access_key_id.as_str()));
    assert!(!world.on_disk("nobody wrote this"));
}

#[tokio::test]
async fn a_broker_shows_no_secret() {
    let world = World::new().await;
    let issued = world.issue("alice", &demo(Method::Gateway)).await;
    let principal = world.show(&issued.credentials).await.unwrap();
    let shown = format!(
        "{:?} {issued:?} {principal:?} {:?}",
        Broker::surveys(&world.broker),
        world.broker
    );
    for secret in [
        Some(&issued.credentials.secret_access_key),
        issued.credentials.session_token.as_ref(),
    ] {
        assert!(!shown.contains(secret.unwrap().expose()));
    }
}

#[tokio::test]
async fn an_assumed_role_is_narrowed_to_the_survey_and_carries_the_persons_name() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::AssumeRole)).await;
    let (role, session, rights) = world.sts.roles().pop().unwrap();
    assert_eq!(role.as_str(), "arn:aws:iam:::role/demo-read");
    assert_eq!(session, "alice");
    assert!(rights.read("demo", "a") && !rights.write("demo", "a") && !rights.see("plain"));
}

#[tokio::test]
async fn a_survey_without_a_role_that_writes_says_so() {
    let world = World::new().await;
    let fields = LeaseFields {
        access: Some("write".to_owned()),
        ..demo(Method::AssumeRole)
    };
    let denied = world.refused(&caller("carol"), &fields).await;
    assert!(matches!(denied, Denied::NoRole { .. }));
}

/// A request to exchange one's own EC2 credential.
fn own() -> LeaseFields {
    LeaseFields {
        key: Some("own".to_owned()),
        ..demo(Method::StsLite)
    }
}

#[tokio::test]
async fn ones_own_ec2_credential_is_exchanged_as_often_as_wanted_and_made_once() {
    let world = World::new().await;
    let first = world.issue("alice", &own()).await;
    let second = world.issue("alice", &own()).await;
    assert_ne!(first.lease.id, second.lease.id);
    let keys = world.keystone.of("ks-alice");
    assert_eq!(keys.len(), 1);
    assert_eq!(world.sts.asked_with().last(), keys.first());
    world.leave_groups("alice");
    world.broker.watch_once().await.unwrap();
    assert_eq!(world.keystone.of("ks-alice"), [], "deleted when she leaves");
    let denied = world.refused(&caller("alice"), &own()).await;
    assert_eq!(denied.code(), "not_a_member");
}

#[tokio::test]
async fn ones_own_ec2_credential_that_was_made_for_nothing_does_not_stay_behind() {
    let world = World::new().await;
    world.issue("alice", &demo(Method::StsLite)).await;
    world.sts.door.be(Mood::Refusing);
    let denied = world.refused(&caller("alice"), &own()).await;
    assert_eq!(denied.code(), "upstream_refused");
    assert_eq!(world.keystone.of("ks-alice"), []);
}

#[tokio::test]
async fn whose_key_it_is_must_be_a_word_and_ones_own_needs_a_login() {
    let world = World::new().await;
    let mut fields = own();
    fields.key = Some("olives".to_owned());
    assert_eq!(
        world.refused(&caller("alice"), &fields).await.code(),
        "bad_key"
    );
    let mut late = caller("alice");
    late.iam_token = None;
    assert_eq!(world.refused(&late, &own()).await.code(), "needs_login");
}
