//! What is counted, by labels that no client can add to.

use skykey_broker::{LeaseFields, Proof};
use skykey_types::Method;

use skykey_testkit::broker::{World, caller, demo};

fn text(world: &World) -> String {
    let metrics = skykey_serve::Metrics::new();
    world.broker.metrics().register(&mut metrics.registry());
    metrics.text().unwrap()
}

#[tokio::test]
async fn leases_refusals_proofs_and_rounds_of_the_watch_are_counted() {
    let world = World::new().await;
    let before = text(&world);
    for line in [
        r#"skykey_proof_state{survey="demo",method="gateway",state="not_proved_yet"} 1"#,
        r#"skykey_proof_state{survey="demo",method="gateway",state="read_only"} 0"#,
        "skykey_watch_last_success_timestamp_seconds 0",
    ] {
        assert!(before.contains(line), "{line} is not in\n{before}");
    }
    world.issue("alice", &demo(Method::Gateway)).await;
    world.issue("bob", &demo(Method::Gateway)).await;
    world.refused(&caller("dave"), &demo(Method::Gateway)).await;
    for (survey, method) in [("made-up", None), ("demo", Some("made-up"))] {
        let fields = LeaseFields {
            survey: survey.to_owned(),
            method: method.map(str::to_owned),
            ..LeaseFields::default()
        };
        world.refused(&caller("alice"), &fields).await;
    }
    world.leave_groups("bob");
    world.broker.watch_once().await.unwrap();
    world.prover.find(Proof::Unclear("HTTP 500".to_owned()));
    world.wait(3600);
    world.broker.upkeep_once().await;
    let after = text(&world);
    let watched = world.now().as_second() - 3600;
    for line in [
        r#"skykey_leases_issued_total{survey="demo",method="gateway",access="read"} 2"#,
        r#"skykey_leases_refused_total{survey="demo",method="gateway",reason="not_a_member"} 1"#,
        r#"skykey_leases_refused_total{survey="other",method="other",reason="no_such_survey"} 1"#,
        r#"skykey_leases_refused_total{survey="demo",method="other",reason="#,
        r#"skykey_leases_revoked_total{survey="demo",reason="removed"} 1"#,
        r#"skykey_proof_state{survey="demo",method="gateway",state="unclear"} 1"#,
        r#"skykey_proof_state{survey="demo",method="gateway",state="read_only"} 0"#,
        &format!("skykey_watch_last_success_timestamp_seconds {watched}"),
    ] {
        assert!(after.contains(line), "{line} is not in\n{after}");
    }
    for hidden in ["alice", "bob", "dave", "made-up"] {
        assert!(!after.contains(hidden), "{hidden} is in\n{after}");
    }
}
