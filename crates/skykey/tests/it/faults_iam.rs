//! A failing IAM: without an answer no lease ends, and after the grace period none is issued.

use std::time::{Duration, Instant};

use skykey_types::{SignedDuration, Timestamp};

use crate::fault_proxy::Fault;
use crate::faults::{GRACE, Site, Special, both};

const SCIM: &str = "/scim/Users";

both! {
    no_fault_of_scim_ends_a_lease
    within_the_grace_it_goes_on_and_after_it_nothing_new
}

/// The watch hears no "no" in any of them.
async fn no_fault_of_scim_ends_a_lease(mut site: Site) {
    let credentials = site.lease("bob", "sts-lite").await;
    for (fault, times) in [
        (Fault::ResetBefore, 3),
        (Fault::ResetAfter, 3),
        (Fault::status(500), 3),
        (Fault::page(502), 3),
        (Fault::status(503), 3),
        (Fault::status(429), 3),
        (Fault::Truncated, 3),
        (Fault::wrong_json(), 1),
        (Fault::page(200), 1),
        (Fault::page(404), 1),
        (Fault::status(404), 1),
        (
            Fault::Answers(404, "application/json", "{\"message\":\"no route\"}"),
            1,
        ),
        (Fault::page(403), 1),
        (Fault::page(401), 2),
        (Fault::status(302), 1),
        (Fault::BlackHole, 3),
    ] {
        let what = format!("{fault:?}");
        site.heal();
        site.iam.always("GET", SCIM, fault.clone());
        let report = site.world.broker().watch_once().await.unwrap();
        assert_eq!(
            (report.people, report.unanswered, report.revoked),
            (1, 1, 0),
            "{what}"
        );
        assert_eq!(site.iam.came("GET", SCIM), times, "{what}");
        assert_eq!(site.read(&credentials).await, 200, "{what}");
        // Within the grace.
        site.lease("bob", "sts-lite").await;
        site.heal();
        let until = Instant::now() + Duration::from_secs(20);
        while site.world.broker().watch_once().await.unwrap().unanswered > 0 {
            assert!(Instant::now() < until, "{what}: it is not found again");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    // And a "no" is heard.
    let bob = site.stand_ins.directory.by_username("bob").unwrap().sub;
    let readers = "m13/readers".parse().unwrap();
    let directory = site.stand_ins.directory.clone();
    directory.remove_from_group(&bob, &readers).await.unwrap();
    let report = site.world.broker().watch_once().await.unwrap();
    assert_eq!(report.unanswered, 0);
    assert!(report.revoked >= 1, "{report:?}");
    let leases = site.world.broker().leases(&site.caller("bob").id).await;
    assert!(leases.unwrap().iter().all(|lease| lease.revoked.is_some()));
    let answer = site.ask("bob", "sts-lite").await;
    assert_eq!(answer.status, 403, "{:?}", answer.body["error"]);
    site.stop().await;
}

/// All of the IAM is down: logins, keys, SCIM.
async fn within_the_grace_it_goes_on_and_after_it_nothing_new(mut site: Site) {
    let credentials = site.lease("bob", "sts-lite").await;
    let token = site.token("bob").await;
    site.heal();
    site.iam.always("", "", Fault::ResetBefore);
    site.clock.advance(GRACE - SignedDuration::from_secs(1));
    let answer = site.ask_with(&token, "sts-lite").await;
    assert_eq!(answer.status, 201, "{:?}", answer.body["error"]);
    site.clock.advance(SignedDuration::from_secs(2));
    for _ in 0..10 {
        let answer = site.ask_with(&token, "sts-lite").await;
        answer.assert_refused("after the grace", 503, "upstream_away", "the IAM");
    }
    let came = site.iam.came("", "");
    assert!(came <= 25, "{came} requests: it is left alone");
    // A stranger, whom nobody was ever asked about.
    let carol = site.token("carol").await;
    let answer = site.ask_with(&carol, "sts-lite").await;
    answer.assert_refused("a stranger", 503, "upstream_away", "the IAM");
    let report = site.world.broker().watch_once().await.unwrap();
    assert_eq!(
        (report.people, report.unanswered, report.revoked),
        (1, 1, 0)
    );
    assert_eq!(site.read(&credentials).await, 200);

    site.heal();
    let until = Instant::now() + Duration::from_secs(20);
    while site.ask_with(&token, "sts-lite").await.status != 201 {
        assert!(Instant::now() < until, "it is not found again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    site.stop().await;
}

/// Where there is no SCIM a login is renewed. The IAM takes a refresh token once: if its answer is lost,
/// the next "I do not know that token" is our own doing, and no word about the person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_a_renewal_ends_no_lease() {
    let special = Special {
        membership: Some("userinfo"),
        ..Special::default()
    };
    let mut site = Site::start(None, special).await;
    site.lifetime = 43200;
    let caller = site.caller("bob");
    for fault in [Fault::ResetAfter, Fault::FailsAfter(502), Fault::Truncated] {
        let what = format!("{fault:?}");
        let (_, refresh) = site.login("bob").await;
        site.world
            .broker()
            .logged_in(&caller.id, &refresh)
            .await
            .unwrap();
        site.lease("bob", "sts-lite").await;
        // The access token of the last renewal has ended.
        site.clock.advance(SignedDuration::from_secs(3700));
        site.heal();
        site.iam.rule("POST", "/token", fault, 1);
        for _ in 0..3 {
            let report = site.world.broker().watch_once().await.unwrap();
            assert_eq!(report.revoked, 0, "{what}");
        }
        assert!(site.iam.came("POST", "/token") >= 1, "{what}");
        let leases = site.world.broker().leases(&caller.id).await.unwrap();
        assert!(leases.iter().all(|lease| lease.revoked.is_none()), "{what}");
        // The next login mends it.
        let (_, refresh) = site.login("bob").await;
        site.world
            .broker()
            .logged_in(&caller.id, &refresh)
            .await
            .unwrap();
        let answer = site.ask("bob", "sts-lite").await;
        assert_eq!(answer.status, 201, "{what}: {:?}", answer.body["error"]);
        let report = site.world.broker().watch_once().await.unwrap();
        assert_eq!((report.unanswered, report.revoked), (0, 0), "{what}");
    }
    // A "no" that nothing was lost before is one.
    let bob = site.stand_ins.directory.by_username("bob").unwrap().sub;
    site.stand_ins
        .directory
        .set_active(&bob, false)
        .await
        .unwrap();
    site.clock.advance(SignedDuration::from_secs(3700));
    site.heal();
    let live = site.world.broker().leases(&caller.id).await.unwrap();
    let now: Timestamp = skykey_types::Clock::now(&site.clock);
    let live = live
        .iter()
        .filter(|lease| lease.expires.is_none_or(|end| end > now));
    let live = live.count();
    let report = site.world.broker().watch_once().await.unwrap();
    assert_eq!(report.revoked, live, "{report:?}");
    site.stop().await;
}
