//! What the broker counts, for Prometheus. No label names a person, and a client cannot add series: surveys
//! that are not configured and methods that are none are counted as `other`.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use skykey_types::{Lease, LeaseEnd, Method, Survey, Timestamp};

use crate::{Denied, Proof, Surveys};

/// What is not one of ours.
const OTHER: &str = "other";

/// The broker's counts. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct BrokerMetrics {
    issued: Family<Issued, Counter>,
    refused: Family<Refused, Counter>,
    revoked: Family<Revoked, Counter>,
    proofs: Family<Proved, Gauge>,
    watched: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Issued {
    survey: String,
    method: &'static str,
    access: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    survey: String,
    method: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Revoked {
    survey: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Proved {
    survey: String,
    method: &'static str,
    state: &'static str,
}

impl BrokerMetrics {
    /// Every family: its name, type, labels and meaning. `docs/reference/metrics.md` is made of it.
    pub const FAMILIES: [[&str; 4]; 5] = [
        [
            "skykey_leases_issued",
            "counter",
            "survey,method,access",
            "Leases issued and renewed; credentials that are handed out again are no lease",
        ],
        [
            "skykey_leases_refused",
            "counter",
            "survey,method,reason",
            "Leases refused; the reason is the API's code, and names that are not configured are counted as other",
        ],
        [
            "skykey_leases_revoked",
            "counter",
            "survey,reason",
            "Leases that ended before their time, because their owner was removed from the group or returned them",
        ],
        [
            "skykey_proof_state",
            "gauge",
            "survey,method,state",
            "1 for the present state of read_only, writes, unreadable, unclear, not_proved_yet; 0 for the others",
        ],
        [
            "skykey_watch_last_success_timestamp_seconds",
            "gauge",
            "",
            "The end of the membership watch's last round, in seconds since 1970; 0 before the first",
        ],
    ];

    /// Registers every family of [`Self::FAMILIES`].
    pub fn register(&self, registry: &mut Registry) {
        let [issued, refused, revoked, proofs, watched] =
            Self::FAMILIES.map(|[name, _, _, help]| (name, help));
        registry.register(issued.0, issued.1, self.issued.clone());
        registry.register(refused.0, refused.1, self.refused.clone());
        registry.register(revoked.0, revoked.1, self.revoked.clone());
        registry.register(proofs.0, proofs.1, self.proofs.clone());
        registry.register(watched.0, watched.1, self.watched.clone());
    }

    pub(crate) fn issued(&self, lease: &Lease) {
        let labels = Issued {
            survey: lease.survey.to_string(),
            method: lease.method.as_str(),
            access: lease.access.as_str(),
        };
        self.issued.get_or_create(&labels).inc();
    }

    /// `survey` and `method` as somebody wrote them.
    pub(crate) fn refused(
        &self,
        surveys: &Surveys,
        survey: &str,
        method: Option<&str>,
        denied: &Denied,
    ) {
        let survey = surveys.named(survey);
        let method = match method {
            Some(text) => text.parse().ok(),
            None => survey.and_then(|survey| survey.methods.first().copied()),
        };
        let labels = Refused {
            survey: survey.map_or_else(|| OTHER.to_owned(), |survey| survey.name.to_string()),
            method: method.map_or(OTHER, Method::as_str),
            reason: denied.code(),
        };
        self.refused.get_or_create(&labels).inc();
    }

    pub(crate) fn revoked(&self, lease: &Lease, why: LeaseEnd) {
        let labels = Revoked {
            survey: lease.survey.to_string(),
            reason: why.as_str(),
        };
        self.revoked.get_or_create(&labels).inc();
    }

    /// What is known of a survey by a method; `None` before it is proved.
    pub(crate) fn proof(&self, survey: &Survey, method: Method, proof: Option<&Proof>) {
        let now = state(proof);
        for state in STATES {
            let labels = Proved {
                survey: survey.name.to_string(),
                method: method.as_str(),
                state,
            };
            let is = i64::from(state == now);
            self.proofs.get_or_create(&labels).set(is);
        }
    }

    pub(crate) fn watched(&self, at: Timestamp) {
        self.watched.set(at.as_second());
    }
}

const STATES: [&str; 5] = [
    "read_only",
    "writes",
    "unreadable",
    "unclear",
    "not_proved_yet",
];

fn state(proof: Option<&Proof>) -> &'static str {
    let [read_only, writes, unreadable, unclear, not_proved_yet] = STATES;
    match proof {
        Some(Proof::ReadOnly) => read_only,
        Some(Proof::Writes(_)) => writes,
        Some(Proof::Unreadable(_)) => unreadable,
        Some(Proof::Unclear(_)) => unclear,
        None => not_proved_yet,
    }
}
