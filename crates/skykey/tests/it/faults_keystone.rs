//! Keystone in trouble.

use std::time::{Duration, Instant};

use skykey_types::{RequestId, Secret, SignedDuration};

use crate::fault_proxy::Fault;
use crate::faults::{Site, TOTAL, UNUSED, both};
use crate::readiness::readyz;
use crate::realstack::secret_file;

const CREATE: &str = "/credentials/OS-EC2";
const LOGIN: &str = "/auth/tokens";

both! {
    a_fault_while_a_key_is_made_leaves_no_second_one
    a_login_is_tried_again_and_its_failure_told
    a_refused_administrator_is_told_before_somebody_leaves
    a_warm_key_goes_on_without_keystone_and_a_cold_one_waits_for_it
    what_could_not_be_deleted_is_deleted_later
}

/// A wrong password of `[keystone.admin_user]` would show only when somebody's EC2 credential has to be deleted.
/// Nothing else needs it: leases are given.
async fn a_refused_administrator_is_told_before_somebody_leaves(mut site: Site) {
    assert_eq!(readyz(&site.world).await, (200, true, Vec::new()));
    let file = site.folder.path().join("admin");
    let right = std::fs::read_to_string(&file).unwrap();
    secret_file(&file, &Secret::new("not the password"));
    site = site.restart().await;
    site.world.broker().upkeep_once().await;
    let wrong = vec!["keystone admin user".to_owned()];
    assert_eq!(readyz(&site.world).await, (200, false, wrong));
    site.lease("bob", "sts-lite").await;
    secret_file(&file, &Secret::new(right));
    site = site.restart().await;
    site.world.broker().upkeep_once().await;
    assert_eq!(readyz(&site.world).await, (200, true, Vec::new()));
}

/// Making an EC2 credential is not repeated when nobody knows whether it was done: a lost answer leaves
/// one stray, which the next sweep finds. The person is told, nothing is written down, and the next who
/// asks is served.
async fn a_fault_while_a_key_is_made_leaves_no_second_one(mut site: Site) {
    let away = (503, "upstream_away");
    let cases = [
        // The fault, the number of requests, the message to the person.
        (Fault::ResetBefore, 1, away),
        (Fault::ResetAfter, 1, away),
        (Fault::status(500), 1, away),
        (Fault::status(502), 1, away),
        (Fault::page(503), 1, away),
        (Fault::FailsAfter(502), 1, away),
        (Fault::status(429), 3, away),
        (Fault::Truncated, 1, away),
        (Fault::wrong_json(), 1, away),
        (Fault::page(200), 1, away),
        (Fault::Slow(Duration::from_secs(4)), 1, away),
        (Fault::BlackHole, 1, away),
        (Fault::page(404), 1, (502, "upstream_refused")),
        (Fault::page(403), 1, (502, "upstream_refused")),
    ];
    site.lease("bob", "sts-lite").await;
    for (fault, times, (status, code)) in cases {
        if !site.is_worth_trying(&fault) {
            continue;
        }
        let what = format!("{fault:?}");
        site.grow_cold().await;
        site.token("bob").await;
        let leases = site.leases("bob").await;
        site.heal();
        site.keystone.always("POST", CREATE, fault.clone());
        let begun = Instant::now();
        let answer = site.ask("bob", "sts-lite").await;
        let took = begun.elapsed();
        answer.assert_refused(&what, status, code, "Keystone");
        assert!(took < TOTAL + Duration::from_secs(3), "{what}: {took:?}");
        assert_eq!(site.keystone.came("POST", CREATE), times, "{what}");
        let strays = site.at_keystone().await.len();
        assert_eq!(strays, usize::from(fault.is_done()), "{what}");
        assert_eq!(site.leases("bob").await, leases, "{what}");

        site.heal();
        let credentials = site.lease("bob", "sts-lite").await;
        assert_eq!(site.read(&credentials).await, 200, "{what}");
        assert_eq!(site.keystone.came("POST", CREATE), 1, "{what}");
        assert_eq!(site.at_keystone().await.len(), strays + 1, "{what}");
        // The sweep leaves the one that is used.
        site.lease("bob", "sts-lite").await;
        assert_eq!(site.leases("bob").await, leases + 2, "{what}");
    }
    site.stop().await;
}

/// A login may be repeated: nobody misses a token.
async fn a_login_is_tried_again_and_its_failure_told(mut site: Site) {
    let cases = [
        (Fault::ResetBefore, 3),
        (Fault::ResetAfter, 3),
        (Fault::status(500), 3),
        (Fault::page(502), 3),
        (Fault::status(429), 3),
        (Fault::Truncated, 3),
        (Fault::wrong_json(), 1),
        (Fault::page(200), 1),
        (Fault::BlackHole, 3),
    ];
    site.lease("bob", "sts-lite").await;
    for (fault, times) in cases {
        if !site.is_worth_trying(&fault) {
            continue;
        }
        let what = format!("{fault:?}");
        site.grow_cold().await;
        site.clock.advance(UNUSED);
        site.token("bob").await;
        site.heal();
        site.keystone.always("POST", LOGIN, fault.clone());
        let answer = site.ask("bob", "sts-lite").await;
        answer.assert_refused(&what, 503, "upstream_away", "Keystone");
        assert_eq!(site.keystone.came("POST", LOGIN), times, "{what}");
        assert_eq!(site.keystone.came("POST", CREATE), 0, "{what}");

        site.heal();
        site.lease("bob", "sts-lite").await;

        // Once is no trouble at all.
        if times > 1 {
            site.grow_cold().await;
            site.clock.advance(UNUSED);
            site.token("bob").await;
            site.heal();
            site.keystone.rule("POST", LOGIN, fault, 1);
            site.lease("bob", "sts-lite").await;
            assert!(site.keystone.came("POST", LOGIN) >= 2, "{what}");
            assert_eq!(site.at_keystone().await.len(), 1, "{what}");
        }
    }
    site.stop().await;
}

/// Live leases go on, and new ones are issued, as long as the key is warm. Without one, Keystone is asked
/// a few times, then left alone, and when it is back it is noticed without a restart.
async fn a_warm_key_goes_on_without_keystone_and_a_cold_one_waits_for_it(mut site: Site) {
    let before = site.lease("bob", "sts-lite").await;
    site.heal();
    site.keystone.always("", "", Fault::ResetBefore);
    for _ in 0..10 {
        let credentials = site.lease("bob", "sts-lite").await;
        assert_eq!(site.read(&credentials).await, 200);
    }
    assert_eq!(site.read(&before).await, 200);
    assert_eq!(site.keystone.came("", ""), 0, "it is not asked");

    site.heal();
    site.grow_cold().await;
    site.clock.advance(UNUSED);
    let token = site.token("bob").await;
    site.keystone.always("", "", Fault::ResetBefore);
    let leases = site.leases("bob").await;
    for asked in 1..=10 {
        let answer = site.ask_with(&token, "sts-lite").await;
        answer.assert_refused("away", 503, "upstream_away", "Keystone");
        let message = answer.body["error"]["message"].as_str().unwrap();
        if asked > 5 {
            assert!(message.contains("left alone"), "{message}");
        }
    }
    let came = site.keystone.came("", "");
    // Ten askers with three attempts each, had nobody stopped them.
    assert!((5..=15).contains(&came), "{came} requests");
    assert_eq!(site.leases("bob").await, leases);

    // Another one goes through when the pause is over.
    site.heal();
    let until = Instant::now() + Duration::from_secs(20);
    let answer = loop {
        let answer = site.ask_with(&token, "sts-lite").await;
        if answer.status == 201 || Instant::now() > until {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(answer.status, 201, "{:?}", answer.body["error"]);
    assert_eq!(site.read(&answer.credentials()).await, 200);
    assert_eq!(site.at_keystone().await.len(), 1);
    site.stop().await;
}

/// The backend user's key is forgotten and stays behind at Keystone until the sweep for strays finds it;
/// whatever page a proxy shows, it is not taken for "there is none".
async fn what_could_not_be_deleted_is_deleted_later(mut site: Site) {
    for fault in [
        Fault::ResetBefore,
        Fault::status(500),
        Fault::page(404),
        Fault::page(200),
        Fault::wrong_json(),
    ] {
        let what = format!("{fault:?}");
        site.lease("bob", "sts-lite").await;
        site.heal();
        site.keystone.always("DELETE", "", fault.clone());
        site.clock.advance(UNUSED);
        site.world.broker().upkeep_once().await;
        assert!(site.keystone.came("DELETE", CREATE) > 0, "{what}");
        let behind = site.at_keystone().await;
        site.heal();
        if fault.is_done() {
            continue;
        }
        // DELETE answers without a body, so any 2xx is a yes; the sweep asks for the list.
        assert_eq!(behind.len(), 1, "{what}");
        site.grow_cold().await;
        site.lease("bob", "sts-lite").await;
        let kept = site.at_keystone().await;
        assert!(kept.len() == 1 && kept != behind, "{what}");
    }
    site.stop().await;
}

/// A person's own EC2 credential: a lost answer leaves one that nobody knows the secret of. Whoever is
/// removed while Keystone is away is refused and written down at once, and all that they have there goes
/// when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_while_keystone_is_away_is_finished_when_it_is_back() {
    let mut site = Site::embedded().await;
    site.heal();
    site.keystone.rule("POST", CREATE, Fault::ResetAfter, 1);
    let answer = site.ask("bob", "ec2").await;
    answer.assert_refused("lost", 503, "upstream_away", "Keystone");
    assert_eq!(site.keystone.came("POST", CREATE), 1);
    assert_eq!(site.leases("bob").await, 0);
    let credentials = site.lease("bob", "ec2").await;
    assert_eq!(site.read(&credentials).await, 200);
    assert_eq!(site.of_person(&credentials).await, 2, "one is a stray");

    site.heal();
    site.keystone.always("DELETE", "", Fault::ResetBefore);
    let bob = site.stand_ins.directory.by_username("bob").unwrap().sub;
    let readers = "m13/readers".parse().unwrap();
    let directory = site.stand_ins.directory.clone();
    directory.remove_from_group(&bob, &readers).await.unwrap();
    let report = site.world.broker().watch_once().await.unwrap();
    assert_eq!((report.revoked, report.unanswered), (1, 0));
    let leases = site.world.broker().leases(&site.caller("bob").id).await;
    assert!(leases.unwrap()[0].revoked.is_some());
    assert_eq!(site.of_person(&credentials).await, 2);
    let broker = site.world.broker();
    let refused = broker
        .authenticate(&credentials.access_key_id, None, &RequestId::new())
        .await;
    assert_eq!(refused.unwrap_err().code(), "revoked");

    site.heal();
    let until = Instant::now() + Duration::from_secs(20);
    while site.of_person(&credentials).await > 0 {
        // It waits longer after each try.
        site.clock.advance(SignedDuration::from_mins(1));
        site.world.broker().watch_once().await.unwrap();
        assert!(Instant::now() < until, "they stay");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    site.stop().await;
}
