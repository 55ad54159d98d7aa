//! A token of Keystone says who somebody is only if an application credential made it; the rest is the IAM's to say.

use skykey_broker::{Denied, KeyOwner, KeystoneToken, LeaseRequest, NotAMachine};
use skykey_types::{Method, RequestId, Secret, SignedDuration};

use skykey_testkit::broker::Mood;
use skykey_testkit::broker::{World, application_credential, demo, demo_writing, parsed, subject};

async fn refused(world: &World, token: &Secret) -> NotAMachine {
    match world.broker.machine(token, &RequestId::new()).await {
        Err(Denied::NotAMachine(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_machine_leases_to_read_in_its_owners_name() {
    let world = World::new().await;
    let token = world
        .keystone
        .token(application_credential(&world, "alice"));
    let machine = world
        .broker
        .machine(&token, &RequestId::new())
        .await
        .unwrap();
    assert_eq!(machine.owner().id, subject("alice"));
    assert!(machine.owner().iam_token.is_none());
    let issued = world
        .broker
        .issue_to_machine(&machine, &parsed(&demo(Method::Gateway)), &RequestId::new())
        .await;
    let issued = issued.unwrap();
    assert_eq!(
        (issued.lease.username.as_str(), &issued.lease.subject),
        ("alice", &subject("alice"))
    );
    let [newest, before, ..] = &world.audit().await[..] else {
        panic!()
    };
    assert_eq!(
        (newest.action.as_str(), newest.outcome.as_str()),
        ("machine", "yes")
    );
    assert_eq!(
        newest.reason,
        "application credential app-of-alice of the Keystone user ks-alice"
    );
    assert_eq!(
        (before.action.as_str(), &before.lease),
        ("issue", &newest.lease)
    );
    world.leave_groups("alice");
    let denied = world
        .broker
        .issue_to_machine(&machine, &parsed(&demo(Method::Gateway)), &RequestId::new())
        .await;
    assert!(
        matches!(denied, Err(Denied::NotAMember { .. })),
        "{denied:?}"
    );
}

#[tokio::test]
async fn a_machine_of_a_curator_does_not_write_and_makes_no_ec2_credential() {
    let world = World::new().await;
    let token = world
        .keystone
        .token(application_credential(&world, "carol"));
    let machine = world
        .broker
        .machine(&token, &RequestId::new())
        .await
        .unwrap();
    for method in [Method::Gateway, Method::StsLite, Method::Ec2] {
        let denied = world
            .broker
            .issue_to_machine(&machine, &parsed(&demo_writing(method)), &RequestId::new())
            .await;
        assert!(matches!(denied, Err(Denied::MachinesRead)), "{denied:?}");
        let newest = world.newest_audit().await;
        assert_eq!(
            (newest.action.as_str(), newest.outcome.as_str()),
            ("issue", "no")
        );
        assert!(newest.reason.starts_with("machines_read: "));
    }
    let own = LeaseRequest {
        key_owner: KeyOwner::Person,
        ..parsed(&demo(Method::StsLite))
    };
    for request in [parsed(&demo(Method::Ec2)), own] {
        let denied = world
            .broker
            .issue_to_machine(&machine, &request, &RequestId::new())
            .await;
        assert!(matches!(denied, Err(Denied::NeedsLogin)), "{denied:?}");
    }
    assert!(world.keystone.of("ks-carol").is_empty());
}

#[tokio::test]
async fn no_other_token_of_keystone_counts() {
    let world = World::new().await;
    let good = application_credential(&world, "alice");
    let with = |methods: &[&str]| KeystoneToken {
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        ..good.clone()
    };
    for (methods, words) in [
        // For a signature, such as a presigned URL's; the second at a Keystone that has no name for it.
        (&["ec2credential"][..], "ec2credential"),
        (&[], "does not name"),
        (&["password"], "password"),
        (&["openid"], "openid"),
        (&["mapped"], "mapped"),
        (&["token"], "token"),
        (
            &["application_credential", "token"],
            "application_credential and token",
        ),
        (&["password", "application_credential"], "password and"),
    ] {
        let why = refused(&world, &world.keystone.token(with(methods))).await;
        assert!(matches!(why, NotAMachine::MadeOtherwise(_)), "{why}");
        assert!(why.to_string().contains(words), "{why}");
        let newest = world.newest_audit().await;
        assert_eq!(newest.action, "machine");
        assert_eq!(newest.outcome, "no");
        assert_eq!(newest.username, "alice@keystone");
    }
    let name = || "alice@keystone".to_owned();
    for (token, why) in [
        (
            KeystoneToken {
                application_credential: None,
                ..good.clone()
            },
            NotAMachine::MadeOtherwise("application_credential".to_owned()),
        ),
        (
            KeystoneToken {
                application_credential: Some(("a".to_owned(), false)),
                ..good.clone()
            },
            NotAMachine::Unrestricted,
        ),
        (
            KeystoneToken {
                enabled: false,
                ..good.clone()
            },
            NotAMachine::Disabled(name()),
        ),
        (
            KeystoneToken {
                sub: None,
                ..good.clone()
            },
            NotAMachine::NotOfTheIam(name()),
        ),
        (
            KeystoneToken {
                sub: Some(String::new()),
                ..good.clone()
            },
            NotAMachine::NotOfTheIam(name()),
        ),
        (
            KeystoneToken {
                expires: world.now(),
                ..good.clone()
            },
            NotAMachine::Unknown,
        ),
    ] {
        assert_eq!(refused(&world, &world.keystone.token(token)).await, why);
    }
    let asked = world.keystone.identify.asked();
    for odd in ["", "with a blank", "new\nline", "umläut", &"x".repeat(5000)] {
        assert_eq!(
            refused(&world, &Secret::new(odd)).await,
            NotAMachine::Unknown
        );
    }
    assert_eq!(
        world.keystone.identify.asked(),
        asked,
        "not worth a question"
    );
    assert_eq!(
        refused(&world, &Secret::new("never-was")).await,
        NotAMachine::Unknown
    );
}

#[tokio::test]
async fn a_machine_whose_owner_the_iam_does_not_know_leases_nothing() {
    let world = World::new().await;
    let ghost = world
        .keystone
        .token(application_credential(&world, "ghost"));
    let machine = world
        .broker
        .machine(&ghost, &RequestId::new())
        .await
        .unwrap();
    let denied = world
        .broker
        .issue_to_machine(&machine, &parsed(&demo(Method::Gateway)), &RequestId::new())
        .await;
    assert!(matches!(denied, Err(Denied::NoAccount(_))), "{denied:?}");
}

#[tokio::test]
async fn keystones_word_is_kept_for_a_while_and_no_longer_than_the_token() {
    let world = World::new().await;
    let soon = KeystoneToken {
        expires: world.now() + SignedDuration::from_secs(30),
        ..application_credential(&world, "alice")
    };
    let token = world.keystone.token(soon);
    for _ in 0..5 {
        world
            .broker
            .machine(&token, &RequestId::new())
            .await
            .unwrap();
    }
    assert_eq!(world.keystone.identify.asked(), 1);
    world.wait(30);
    assert_eq!(refused(&world, &token).await, NotAMachine::Unknown);
    let token = world
        .keystone
        .token(application_credential(&world, "alice"));
    world.keystone.end_token(&token);
    assert_eq!(refused(&world, &token).await, NotAMachine::Unknown);
}

#[tokio::test]
async fn while_keystone_is_away_nobody_is_believed() {
    let world = World::new().await;
    let token = world
        .keystone
        .token(application_credential(&world, "alice"));
    for (mood, code) in [
        (Mood::Away, "upstream_away"),
        (Mood::Refusing, "upstream_refused"),
    ] {
        world.keystone.be(mood);
        let denied = world
            .broker
            .machine(&token, &RequestId::new())
            .await
            .unwrap_err();
        assert_eq!(denied.code(), code);
    }
}
