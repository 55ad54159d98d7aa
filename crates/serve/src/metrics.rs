//! The metrics of a process, in one registry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper ends of the histogram's buckets, in seconds.
const BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// All of a process's metrics. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<DoorLabel, Histogram, fn() -> Histogram>,
    connections: Family<DoorLabel, Gauge>,
    refused: Family<DoorLabel, Counter>,
    certificate_ends: Family<DoorLabel, Gauge>,
}

/// Which door.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DoorLabel {
    /// Its name, such as `portal`.
    pub door: &'static str,
}

/// The labels of request counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The door's name.
    pub door: &'static str,
    /// One of the methods of RFC 9110 and RFC 5789, or `other`: a client cannot add series.
    pub method: &'static str,
    /// The HTTP status; 499 when the client went away before there was one.
    pub status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Every family: its name, type, labels and meaning. `docs/reference/metrics.md` is made of it.
    pub const FAMILIES: [[&str; 4]; 5] = [
        [
            "skykey_http_requests",
            "counter",
            "door,method,status",
            "Requests answered; status 499 are those whose client did not wait",
        ],
        [
            "skykey_http_request_duration_seconds",
            "histogram",
            "door",
            "From a request's headers to the first line of its answer",
        ],
        [
            "skykey_http_connections",
            "gauge",
            "door",
            "Connections open now",
        ],
        [
            "skykey_http_connections_refused",
            "counter",
            "door",
            "Connections closed because one client had too many",
        ],
        [
            "skykey_tls_certificate_end_timestamp_seconds",
            "gauge",
            "door",
            "When the certificate in use ends, in seconds since 1970",
        ],
    ];

    /// A registry with the families of the doors in it.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::default())),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            connections: Family::default(),
            refused: Family::default(),
            certificate_ends: Family::default(),
        };
        let [requests, durations, connections, refused, ends] =
            Self::FAMILIES.map(|[name, _, _, help]| (name, help));
        let mut registry = metrics.registry();
        registry.register(requests.0, requests.1, metrics.requests.clone());
        registry.register(durations.0, durations.1, metrics.durations.clone());
        registry.register(connections.0, connections.1, metrics.connections.clone());
        registry.register(refused.0, refused.1, metrics.refused.clone());
        registry.register(ends.0, ends.1, metrics.certificate_ends.clone());
        drop(registry);
        metrics
    }

    /// Locks the registry, for other crates to register their own families. [`Metrics::text`] waits for
    /// the lock.
    pub fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Encodes all metrics as OpenMetrics text (version 1.0.0).
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry())?;
        Ok(text)
    }

    /// Returns the metrics of one door.
    pub(crate) fn of(&self, door: &'static str) -> DoorMetrics {
        let label = DoorLabel { door };
        DoorMetrics {
            door,
            requests: self.requests.clone(),
            durations: self.durations.get_or_create(&label).clone(),
            connections: self.connections.get_or_create(&label).clone(),
            refused: self.refused.get_or_create(&label).clone(),
            certificate_ends: self.certificate_ends.clone(),
        }
    }
}

/// The metrics of one door.
#[derive(Debug, Clone)]
pub(crate) struct DoorMetrics {
    door: &'static str,
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    connections: Gauge,
    refused: Counter,
    certificate_ends: Family<DoorLabel, Gauge>,
}

/// An open connection; dropping it lowers the gauge.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl DoorMetrics {
    pub(crate) fn door(&self) -> &'static str {
        self.door
    }

    pub(crate) fn open(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    pub(crate) fn answered_in(&self, took: Duration) {
        self.durations.observe(took.as_secs_f64());
    }

    pub(crate) fn count(&self, method: &Method, status: u16) {
        let labels = RequestLabels {
            door: self.door,
            method: known(method),
            status,
        };
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn certificate_ends(&self, at: Timestamp) {
        let label = DoorLabel { door: self.door };
        self.certificate_ends
            .get_or_create(&label)
            .set(at.as_second());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "TRACE" => "TRACE",
        "CONNECT" => "CONNECT",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_somebody_made_up_adds_no_series() {
        let metrics = Metrics::new();
        let door = metrics.of("portal");
        for made_up in ["BREW", "WHEN"] {
            door.count(&made_up.parse().unwrap(), 405);
        }
        let text = metrics.text().unwrap();
        let line = r#"skykey_http_requests_total{door="portal",method="other",status="405"} 2"#;
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn others_add_families_of_their_own() {
        let metrics = Metrics::new();
        let leases: Counter = Counter::default();
        metrics
            .registry()
            .register("skykey_leases", "Leases issued", leases.clone());
        leases.inc();
        let text = metrics.text().unwrap();
        assert!(text.contains("skykey_leases_total 1"), "{text}");
    }
}
