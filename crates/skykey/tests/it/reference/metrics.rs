//! `metrics.md`: the families, and that a running skykey shows no others.

use skykey_broker::BrokerMetrics;
use skykey_serve::Metrics;
use skykey_upstream::UpstreamMetrics;

use super::{agree, code, table};
use crate::world::TestWorld;

fn families() -> Vec<[&'static str; 4]> {
    let parts: [&[[&str; 4]]; 3] = [
        &Metrics::FAMILIES,
        &BrokerMetrics::FAMILIES,
        &UpstreamMetrics::FAMILIES,
    ];
    parts.concat()
}

/// A counter's samples end with `_total`.
fn shown([name, kind, ..]: [&str; 4]) -> String {
    match kind {
        "counter" => format!("{name}_total"),
        _ => name.to_owned(),
    }
}

#[test]
fn the_page_is_what_the_code_declares() {
    let text = "# Metrics\n\n\
        Generated from the families that `serve`, `broker` and `upstream` register. `[portal] health` in the\n\
        configuration serves them as OpenMetrics text at `/metrics`. No label names a person.\n\n";
    let rows = families().into_iter().map(|family| {
        let [_, kind, labels, meaning] = family;
        let labels: Vec<String> = labels.split(',').map(code).collect();
        vec![
            code(&shown(family)),
            kind.to_owned(),
            labels.join(", "),
            meaning.to_owned(),
        ]
    });
    let text = text.to_owned() + &table(&["metric", "type", "labels", "meaning"], rows);
    agree("metrics.md", &text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_has_the_labels_that_are_declared() {
    let sky = TestWorld::start().await;
    sky.lease("bob", "sts-lite", "3600", "read").await;
    let metrics = Metrics::new();
    sky.world
        .broker()
        .metrics()
        .register(&mut metrics.registry());
    sky.world
        .upstream_metrics()
        .register(&mut metrics.registry());
    let text = metrics.text().unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let mut seen = 0;
    for sample in samples {
        let (name, labels) = match sample.split_once('{') {
            Some((name, rest)) => (name, rest.split_once('}').unwrap().0),
            None => (sample.split_once(' ').unwrap().0, ""),
        };
        let labels: Vec<&str> = labels
            .split("\",")
            .filter_map(|label| Some(label.split_once('=')?.0))
            .filter(|label| *label != "le")
            .collect();
        let declared = families().into_iter().find(|family| {
            let suffixes = match family[1] {
                "histogram" => ["_bucket", "_sum", "_count"].as_slice(),
                _ => [""].as_slice(),
            };
            let shown = shown(*family);
            suffixes
                .iter()
                .any(|suffix| name == format!("{shown}{suffix}"))
        });
        let [_, _, declared, _] = declared.unwrap_or_else(|| panic!("{name} is not declared"));
        assert_eq!(labels.join(","), declared, "{name}");
        seen += 1;
    }
    assert!(seen > 10, "{text}");
    sky.world.stop().await;
}
