//! Calls, counted.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum AttemptOutcome {
    /// 1xx to 3xx.
    Ok,
    /// 4xx but 429: it was answered, with no.
    Refused,
    /// 429 or 5xx.
    Failed,
    /// No connection, a broken one, or an answer too long.
    Unreachable,
    /// Not in time.
    Late,
    /// Not made, because the system is left alone.
    LeftAlone,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    system: &'static str,
    operation: &'static str,
    outcome: AttemptOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    system: &'static str,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct System {
    system: &'static str,
}

/// Counts the calls to all systems. Clones count together.
#[derive(Debug, Clone)]
pub struct UpstreamMetrics {
    attempts: Family<Labels, Counter>,
    seconds: Family<Operation, Histogram, fn() -> Histogram>,
    under_way: Family<System, Gauge>,
}

impl Default for UpstreamMetrics {
    fn default() -> Self {
        Self {
            attempts: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            under_way: Family::default(),
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0,
    ])
}

impl UpstreamMetrics {
    /// Every family: its name, type, labels and meaning. `docs/reference/metrics.md` is made of it.
    pub const FAMILIES: [[&str; 4]; 3] = [
        [
            "skykey_upstream_attempts",
            "counter",
            "system,operation,outcome",
            "Requests to the systems around skykey, retries included",
        ],
        [
            "skykey_upstream_seconds",
            "histogram",
            "system,operation",
            "Seconds until their responses",
        ],
        [
            "skykey_upstream_under_way",
            "gauge",
            "system",
            "Requests to the systems around skykey in flight",
        ],
    ];

    /// Registers every family of [`Self::FAMILIES`].
    pub fn register(&self, registry: &mut Registry) {
        let [attempts, seconds, under_way] = Self::FAMILIES.map(|[name, _, _, help]| (name, help));
        registry.register(attempts.0, attempts.1, self.attempts.clone());
        registry.register(seconds.0, seconds.1, self.seconds.clone());
        registry.register(under_way.0, under_way.1, self.under_way.clone());
    }

    /// How many attempts there were of `operation` at `system`, with any outcome but
    /// [`AttemptOutcome::LeftAlone`].
    pub fn attempts(&self, system: &'static str, operation: &'static str) -> u64 {
        [
            AttemptOutcome::Ok,
            AttemptOutcome::Refused,
            AttemptOutcome::Failed,
            AttemptOutcome::Unreachable,
            AttemptOutcome::Late,
        ]
        .into_iter()
        .map(|outcome| self.counter(system, operation, outcome).get())
        .sum()
    }

    pub(crate) fn count(
        &self,
        system: &'static str,
        operation: &'static str,
        outcome: AttemptOutcome,
        took: Option<Duration>,
    ) {
        self.counter(system, operation, outcome).inc();
        if let Some(took) = took {
            self.seconds
                .get_or_create(&Operation { system, operation })
                .observe(took.as_secs_f64());
        }
    }

    /// Counted as under way until the guard is dropped.
    pub(crate) fn begin(&self, system: &'static str) -> UnderWay {
        let gauge = self.under_way.get_or_create(&System { system }).clone();
        gauge.inc();
        UnderWay(gauge)
    }

    fn counter(
        &self,
        system: &'static str,
        operation: &'static str,
        outcome: AttemptOutcome,
    ) -> Counter {
        self.attempts
            .get_or_create(&Labels {
                system,
                operation,
                outcome,
            })
            .clone()
    }
}

pub(crate) struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}
