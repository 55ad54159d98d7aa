//! Echo in trouble: its STS, and its S3 while it is proved that readers cannot write.

use std::time::{Duration, Instant};

use skykey_types::SignedDuration;

use crate::fault_proxy::Fault;
use crate::faults::{Site, TOTAL, both};

both! {
    a_fault_of_sts_is_tried_again_and_told
    echo_down_is_told_then_left_alone_then_found_again
    a_proof_that_gets_no_answers_proves_nothing
}

/// Temporary credentials that nobody received trouble nobody, so it is asked again; only one lease is
/// written down, and one EC2 credential is all there is at Keystone.
async fn a_fault_of_sts_is_tried_again_and_told(mut site: Site) {
    let cases = [
        (Fault::ResetBefore, 3),
        (Fault::ResetAfter, 3),
        (Fault::status(500), 3),
        (Fault::page(502), 3),
        (Fault::status(503), 3),
        (Fault::FailsAfter(504), 3),
        (Fault::status(429), 3),
        (Fault::Truncated, 3),
        (Fault::wrong_xml(), 1),
        (Fault::page(200), 1),
        (Fault::wrong_json(), 1),
        (Fault::BlackHole, 3),
    ];
    let before = site.lease("bob", "sts-lite").await;
    for (fault, times) in cases {
        if !site.is_worth_trying(&fault) {
            continue;
        }
        let what = format!("{fault:?}");
        let leases = site.leases("bob").await;
        site.heal();
        site.echo.always("POST", "/", fault.clone());
        let begun = Instant::now();
        let answer = site.ask("bob", "sts-lite").await;
        answer.assert_refused(&what, 503, "upstream_away", "STS");
        let took = begun.elapsed();
        assert!(took < TOTAL + Duration::from_secs(3), "{what}: {took:?}");
        assert_eq!(site.echo.came("POST", "/"), times, "{what}");
        assert_eq!(site.leases("bob").await, leases, "{what}");
        assert_eq!(site.read(&before).await, 200, "{what}");

        // Once is no trouble at all, where it can be seen that it was no answer.
        site.heal();
        if times > 1 {
            site.echo.rule("POST", "/", fault, 1);
        }
        let credentials = site.lease("bob", "sts-lite").await;
        let expected = if times > 1 { 2 } else { 1 };
        assert_eq!(site.echo.came("POST", "/"), expected, "{what}");
        assert_eq!(site.read(&credentials).await, 200, "{what}");
        assert_eq!(site.leases("bob").await, leases + 1, "{what}");
        assert_eq!(site.at_keystone().await.len(), 1, "{what}");
    }
    assert_eq!(site.keystone.came("POST", "/credentials/OS-EC2"), 0);
    site.stop().await;
}

/// No new EC2 credential is made for it, and when it is back nobody has to do anything.
async fn echo_down_is_told_then_left_alone_then_found_again(mut site: Site) {
    let before = site.lease("bob", "sts-lite").await;
    let keys = site.at_keystone().await;
    let token = site.token("bob").await;
    site.heal();
    site.echo.always("", "", Fault::ResetBefore);
    for asked in 1..=10 {
        let answer = site.ask_with(&token, "sts-lite").await;
        answer.assert_refused("down", 503, "upstream_away", "STS");
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(&site.echo.url("http").to_string()),
            "{message}"
        );
        if asked > 5 {
            assert!(message.contains("left alone"), "{message}");
        }
    }
    let came = site.echo.came("", "");
    assert!((5..=15).contains(&came), "{came} requests");
    assert_eq!(site.read(&before).await, 200, "Echo itself works");
    let report = site.world.broker().watch_once().await.unwrap();
    assert_eq!((report.unanswered, report.revoked), (0, 0));

    site.heal();
    let until = Instant::now() + Duration::from_secs(20);
    while site.ask_with(&token, "sts-lite").await.status != 201 {
        assert!(Instant::now() < until, "it is not found again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(site.at_keystone().await, keys);
    site.stop().await;
}

/// Nothing is issued before it is proved; what cannot be read from an answer is no proof.
async fn a_proof_that_gets_no_answers_proves_nothing(mut site: Site) {
    for fault in [
        Fault::ResetAfter,
        Fault::status(500),
        Fault::page(200),
        Fault::Truncated,
        Fault::page(403),
    ] {
        if !site.is_worth_trying(&fault) {
            continue;
        }
        let what = format!("{fault:?}");
        // Past all proofs.
        site.clock.advance(SignedDuration::from_hours(20_001));
        let token = site.token("bob").await;
        site.heal();
        site.echo.always("GET", "/m13", fault.clone());
        site.echo.always("PUT", "/m13", fault.clone());
        site.echo.always("DELETE", "/m13", fault.clone());
        let answer = site.ask_with(&token, "sts-lite").await;
        let error = &answer.body["error"];
        assert_eq!(answer.status, 503, "{what}: {error}");
        let code = error["code"].as_str().unwrap();
        assert!(
            matches!(code, "upstream_away" | "not_readable"),
            "{what}: {error}"
        );
        site.heal();
        // What was unclear is tried again at once, what was clear and bad after half a minute.
        site.clock.advance(SignedDuration::from_secs(31));
        let until = Instant::now() + Duration::from_secs(20);
        while site.ask_with(&token, "sts-lite").await.status != 201 {
            assert!(Instant::now() < until, "{what}: it stays so");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let proofs = site.world.broker().proofs();
        assert!(proofs.iter().any(|proof| proof.issues));
    }
    site.stop().await;
}
