//! The rules: who may lease what, for how long; issuing, renewing, revoking, watching, and the
//! audit of every decision. It speaks to IAM, Keystone and STS through ports that it is handed, and
//! knows nothing of HTTP servers or pages. What always holds: nothing is issued unless the IAM says
//! now (or said within the grace) that the person is in the group, and nothing to read unless such
//! credentials were lately seen to be unable to write; a lease is on disk before its credentials leave; what is revoked is refused from that moment on; every yes and every no is
//! written down with its reason, and no secret is.

mod adapters;
mod admin;
mod after_removal;
mod authenticate;
mod backend_key;
#[cfg(feature = "conformance")]
pub mod conformance;
mod database;
mod denied;
mod ec2_deletion;
mod exchange;
mod follow;
mod hand_out;
mod issue;
mod machine;
mod membership;
mod metrics;
mod ports;
mod proofs;
mod reinstate;
mod renew;
mod request;
mod revoke;
mod stop_servers;
mod surveys;
mod upkeep;
mod watch;

use std::sync::Arc;

use skykey_seal::KeyRing;
use skykey_sts::SessionTokens;
use skykey_types::{Clock, SignedDuration, Timestamp};

pub use adapters::{
    HubServers, IamPeople, KeystoneAdmin, KeystonePort, KeystoneSettings, KeystoneUser,
};
pub use after_removal::{
    AfterRemoval, LONGEST_TOKEN, OWN_TOKENS_LAST, OwnEc2, RGW_REMEMBERS, StillWork, Store,
};
pub use authenticate::{Kind, Principal};
pub use database::{
    Audit, AuditEntry, AuditLog, BackendKey, BackendKeyStore, ChangeCursor, Database,
    DatabaseError, LeaseChanges, LeaseRecord, Leases, Logins, PendingDeletion, PendingDeletions,
    ProjectLeases, ProofLog, ProofRecord, Revocation,
};
pub use denied::Denied;
pub use hand_out::{HandOutSettings, HandedOut};
pub use issue::{Caller, Issued};
pub use machine::{Machine, NotAMachine};
pub use metrics::BrokerMetrics;
pub use ports::{
    Ec2Credential, Ec2Identity, Ec2Keys, Exchange, KeystoneToken, KeystoneTokens, NotebookServers,
    People, PersonsKey, PortError, Proof, Prover,
};
pub use proofs::ProofStanding;
pub use renew::Renewal;
pub use request::{KeyOwner, LeaseFields, LeaseRequest, RoleFields};
pub use surveys::{Surveys, SurveysError};
pub use watch::WatchReport;

/// What a site may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often the membership watch looks.
    pub watch_every: SignedDuration,
    /// How long after the IAM's last answer about a person new leases are still issued to them
    /// while it does not answer.
    pub iam_grace: SignedDuration,
    /// How long Keystone's word about an EC2 credential, or a machine's token, is kept. What skykey itself revokes is
    /// refused at once all the same.
    pub ec2_kept: SignedDuration,
    /// Where a person asks to join a group; goes into messages.
    pub join_at: String,
    /// How long a proof that readers cannot write is good before it is made again.
    pub prove_every: SignedDuration,
    /// Who serves the objects.
    pub store: Store,
    /// How the backend user's EC2 credentials are kept.
    pub backend: BackendSettings,
    /// How credentials are handed out again.
    pub hand_out: HandOutSettings,
}

/// How the backend user's EC2 credentials are kept.
#[derive(Debug, Clone)]
pub struct BackendSettings {
    /// After its first request one is quick for so long: a little less than RGW remembers it.
    pub warm_for: SignedDuration,
    /// One that is older is replaced.
    pub rotate_after: SignedDuration,
    /// One that nobody asked for so long is deleted.
    pub unused_after: SignedDuration,
}

impl Default for BackendSettings {
    fn default() -> Self {
        Self {
            warm_for: RGW_REMEMBERS - SignedDuration::from_secs(5),
            rotate_after: SignedDuration::from_hours(7 * 24),
            unused_after: SignedDuration::from_hours(30 * 24),
        }
    }
}

/// What the broker is wired to.
pub struct Wiring {
    /// The surveys on offer.
    pub surveys: Surveys,
    /// What must outlive a restart or be shared with other processes.
    pub database: Arc<dyn Database>,
    /// Who is in which group.
    pub people: Arc<dyn People>,
    /// EC2 credentials.
    pub ec2: Arc<dyn Ec2Keys>,
    /// Whose a token of Keystone is; without it none is taken.
    pub machines: Option<Arc<dyn KeystoneTokens>>,
    /// EC2 credential → temporary credentials.
    pub exchange: Arc<dyn Exchange>,
    /// What credentials can do.
    pub prover: Arc<dyn Prover>,
    /// The notebook servers that are stopped when their owner was removed, if the site wants that.
    pub servers: Option<Arc<dyn NotebookServers>>,
    /// Seals and opens our own session tokens.
    pub tokens: SessionTokens,
    /// Seals the backend user's EC2 secrets in the database.
    pub at_rest: Arc<KeyRing>,
    /// Tells the time, and never goes back ([`skykey_types::SteadyClock`]): what is forgotten because it
    /// has ended must not begin again.
    pub clock: Arc<dyn Clock>,
    /// What the site set.
    pub settings: Settings,
}

/// The one who decides. Shared behind an `Arc` by the endpoint, the portal and the watch.
pub struct Broker {
    surveys: Surveys,
    database: Arc<dyn Database>,
    people: Arc<dyn People>,
    ec2: Arc<dyn Ec2Keys>,
    machines: Option<Arc<dyn KeystoneTokens>>,
    exchange: Arc<dyn Exchange>,
    prover: Arc<dyn Prover>,
    servers: Option<Arc<dyn NotebookServers>>,
    tokens: SessionTokens,
    at_rest: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    metrics: BrokerMetrics,
    administrator: admin::Administrator,
    revocations: revoke::Revocations,
    seen: membership::Seen,
    knocks: reinstate::Knocks,
    /// Held by whoever ends a lease, or lets one go on, in memory and in the database.
    ending: tokio::sync::Mutex<()>,
    known_ec2: authenticate::KnownEc2,
    known_machines: machine::KnownMachines,
    backend_keys: backend_key::BackendKeys,
    proofs: proofs::Proofs,
    started: Timestamp,
    hand_outs: hand_out::HandOuts,
    strays_swept: std::sync::Mutex<Option<Timestamp>>,
    not_deleted: ec2_deletion::NotDeleted,
    to_stop: stop_servers::ToStop,
}

impl Broker {
    /// Wires a broker and reads what has been revoked from the database.
    pub async fn new(wiring: Wiring) -> Result<Self, DatabaseError> {
        let metrics = BrokerMetrics::default();
        let now = wiring.clock.now();
        let revocations = revoke::Revocations::read(&*wiring.database, now, &metrics).await?;
        for survey in wiring.surveys.iter() {
            for method in &survey.methods {
                metrics.proof(survey, *method, None);
            }
        }
        let known_ec2 = authenticate::known_ec2(wiring.settings.ec2_kept);
        let known_machines = machine::known_machines(wiring.settings.ec2_kept);
        let Wiring {
            surveys,
            database,
            people,
            ec2,
            machines,
            exchange,
            prover,
            servers,
            tokens,
            at_rest,
            clock,
            settings,
        } = wiring;
        Ok(Self {
            surveys,
            database,
            people,
            ec2,
            machines,
            exchange,
            prover,
            servers,
            tokens,
            at_rest,
            clock,
            settings,
            metrics,
            administrator: admin::Administrator::default(),
            revocations,
            seen: membership::Seen::default(),
            knocks: reinstate::Knocks::default(),
            ending: tokio::sync::Mutex::default(),
            known_ec2,
            known_machines,
            backend_keys: backend_key::BackendKeys::default(),
            proofs: proofs::Proofs::default(),
            started: now,
            hand_outs: hand_out::HandOuts::default(),
            strays_swept: std::sync::Mutex::default(),
            not_deleted: ec2_deletion::NotDeleted::default(),
            to_stop: stop_servers::ToStop::default(),
        })
    }

    /// The surveys on offer.
    pub fn surveys(&self) -> &Surveys {
        &self.surveys
    }

    /// The database.
    pub fn database(&self) -> &Arc<dyn Database> {
        &self.database
    }

    /// What the broker counts, for whoever shows it.
    pub fn metrics(&self) -> &BrokerMetrics {
        &self.metrics
    }

    /// The time by which the broker decides.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("surveys", &self.surveys)
            .finish_non_exhaustive()
    }
}
