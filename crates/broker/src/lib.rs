//! The rules: who may lease what, for how long; issuing, renewing, revoking, watching, and the audit
//! of every decision. It speaks to IAM, Keystone and STS, and to its database, through ports that it
//! is handed, and knows nothing of HTTP servers or pages.
//!
//! What always holds:
//!
//! - Nothing is issued unless the IAM says now (or said within the grace) that the person is in the
//!   group; nothing to read unless such credentials were lately seen to be unable to write.
//! - A lease is on disk before its credentials leave. What is revoked is refused from that moment on.
//! - Every decision is written down with its reason and the id of its request; no secret is.
//! - Every task ends before the database closes.
//!
//! Each mechanism has a file and owns its state: [`Broker`] wires them. Its own methods are what
//! people and programs ask for: issue, renew, authenticate, hand out, give back.

mod administrator;
mod after_removal;
mod authenticate;
mod backend_keys;
#[cfg(feature = "conformance")]
pub mod conformance;
mod database;
mod denied;
mod ec2_deletions;
mod follow;
mod hand_outs;
mod issue;
mod leases;
mod machine;
mod membership;
mod metrics;
mod notebook_stops;
mod ports;
mod proofs;
mod reinstatements;
mod renew;
mod request;
mod revocations;
mod surveys;
mod token_request;
mod upkeep;
mod watch;

use std::sync::Arc;

use skykey_seal::KeyRing;
use skykey_sts::SessionTokens;
use skykey_types::{Clock, Person, Secret, SignedDuration, SubjectId, Timestamp};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

pub use after_removal::{
    AfterRemoval, MAX_TOKEN_LIFETIME, OWN_TOKENS_LAST, OwnEc2, RGW_REMEMBERS, StillWork, Store,
};
pub use authenticate::{Kind, Principal};
pub use database::{
    Audit, AuditEntry, AuditLog, BackendKey, BackendKeyStore, ChangeCursor, Database,
    DatabaseError, LeaseChanges, LeaseRecord, Leases, Logins, PendingDeletion, PendingDeletions,
    ProjectLeases, ProofLog, ProofRecord, Revocation,
};
pub use denied::Denied;
pub use hand_outs::{HandOutSettings, HandedOut};
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
    /// The interval of the membership watch.
    pub watch_every: SignedDuration,
    /// How long after the IAM's last answer about a person new leases are issued to them while it is
    /// silent.
    pub iam_grace: SignedDuration,
    /// How long Keystone's answer about an EC2 credential, or a machine's token, is cached. What skykey
    /// itself revokes is refused at once all the same.
    pub ec2_kept: SignedDuration,
    /// Where a person asks to join a group; goes into messages.
    pub join_at: String,
    /// How long after a proof that readers cannot write the next one is due.
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
    /// How long a credential is quick after its first request: a little less than RGW caches it.
    pub warm_for: SignedDuration,
    /// Age at which a credential is replaced.
    pub rotate_after: SignedDuration,
    /// How long after its last use a credential is deleted.
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
    /// Says whose a token of Keystone is; without it none is accepted.
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
    /// The clock. It never goes back ([`skykey_types::SteadyClock`]): what was forgotten because it had
    /// expired must not become valid again.
    pub clock: Arc<dyn Clock>,
    /// What the site set.
    pub settings: Settings,
}

/// The broker: shared behind an `Arc` by the endpoint, the portal and the watch. It holds no state of
/// its own: it wires the mechanisms that do.
pub struct Broker {
    surveys: Surveys,
    database: Arc<dyn Database>,
    ec2: Arc<dyn Ec2Keys>,
    exchange: Arc<dyn Exchange>,
    tokens: Arc<SessionTokens>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    metrics: BrokerMetrics,
    membership: membership::Membership,
    revocations: revocations::Revocations,
    reinstatements: reinstatements::Reinstatements,
    backend_keys: Arc<backend_keys::BackendKeys>,
    proofs: proofs::Proofs,
    ec2_deletions: ec2_deletions::Ec2Deletions,
    notebook_stops: notebook_stops::NotebookStops,
    administrator: administrator::Administrator,
    hand_outs: hand_outs::HandOuts,
    known_ec2: authenticate::KnownEc2,
    machines: machine::Machines,
    tasks: TaskTracker,
}

impl Broker {
    /// Wires a broker and reads what has been revoked from the database.
    pub async fn new(wiring: Wiring) -> Result<Self, DatabaseError> {
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
        let metrics = BrokerMetrics::default();
        for survey in surveys.iter() {
            for method in &survey.methods {
                metrics.proof(survey, *method, None);
            }
        }
        let revocations = revocations::Revocations::read(
            database.clone(),
            clock.clone(),
            metrics.clone(),
            settings.join_at.clone(),
        )
        .await?;
        let membership = membership::Membership {
            people,
            clock: clock.clone(),
            grace: settings.iam_grace,
            watch_interval: settings.watch_every,
            join_at: settings.join_at.clone(),
            seen: membership::Seen::default(),
        };
        let tokens = Arc::new(tokens);
        let backend_keys = Arc::new(backend_keys::BackendKeys {
            ec2: ec2.clone(),
            exchange: exchange.clone(),
            database: database.clone(),
            at_rest,
            clock: clock.clone(),
            settings: settings.backend.clone(),
            cache: backend_keys::Cache::default(),
        });
        let proofs = proofs::Proofs {
            surveys: surveys.clone(),
            database: database.clone(),
            prover,
            tokens: tokens.clone(),
            backend_keys: backend_keys.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            interval: settings.prove_every,
            started: clock.now(),
            known: proofs::Known::default(),
        };
        let ec2_deletions = ec2_deletions::Ec2Deletions {
            surveys: surveys.clone(),
            database: database.clone(),
            ec2: ec2.clone(),
            clock: clock.clone(),
            store: settings.store,
            failing: ec2_deletions::Failing::default(),
        };
        let notebook_stops =
            notebook_stops::NotebookStops::new(servers, database.clone(), clock.clone());
        Ok(Self {
            administrator: administrator::Administrator::new(ec2.clone(), clock.clone()),
            known_ec2: authenticate::KnownEc2::new(settings.ec2_kept),
            machines: machine::Machines::new(machines, settings.ec2_kept),
            surveys,
            database,
            ec2,
            exchange,
            tokens,
            clock,
            settings,
            metrics,
            membership,
            revocations,
            reinstatements: reinstatements::Reinstatements::default(),
            backend_keys,
            proofs,
            ec2_deletions,
            notebook_stops,
            hand_outs: hand_outs::HandOuts::default(),
            tasks: TaskTracker::new(),
        })
    }

    /// Returns the surveys on offer.
    pub fn surveys(&self) -> &Surveys {
        &self.surveys
    }

    /// Returns the database.
    pub fn database(&self) -> &Arc<dyn Database> {
        &self.database
    }

    /// Returns what the broker counts.
    pub fn metrics(&self) -> &BrokerMetrics {
        &self.metrics
    }

    /// Returns the clock by which the broker decides.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns the person as the portal shows them: their groups, by the rules for leases.
    pub async fn person(&self, caller: &Caller) -> Result<Person, Denied> {
        self.membership.of(caller).await
    }

    /// Returns the same without a request to the IAM, if it answered within two rounds of the watch
    /// and within the grace.
    pub async fn person_lately(&self, caller: &Caller) -> Result<Person, Denied> {
        self.membership.lately(caller).await
    }

    /// Returns the person with that login name. A name that the IAM has since given to somebody else
    /// belongs to no one.
    pub async fn by_username(&self, username: &str) -> Result<SubjectId, Denied> {
        self.membership.by_username(username).await
    }

    /// Returns the subject that the IAM means by `sub`.
    pub fn by_sub(&self, sub: &str) -> SubjectId {
        self.membership.people.subject(sub)
    }

    /// Stores the refresh token of a login, with which the IAM may have to be asked later.
    pub async fn logged_in(&self, id: &SubjectId, refresh_token: &Secret) -> Result<(), Denied> {
        let people = &self.membership.people;
        people
            .keep_login(id, refresh_token)
            .await
            .map_err(|error| Denied::port("the broker's database", error))
    }

    /// Returns how every survey stands by every method that it offers, proved or not.
    pub fn proofs(&self) -> Vec<ProofStanding> {
        self.proofs.standings()
    }

    /// Returns since when Keystone refuses the configured administrator, and what it said; `None`
    /// while it is accepted, or if there is none. Sends no request.
    pub fn administrator_refused(&self) -> Option<(Timestamp, String)> {
        self.administrator.refused()
    }

    /// Stops the notebook servers of people who were removed, until `stop` turns true. Returns at once
    /// if the site does not want that.
    pub async fn stop_servers(self: Arc<Self>, stop: Receiver<bool>) {
        self.notebook_stops.run(stop).await;
    }

    /// Stops the servers that are due. Returns of how many people some were stopped.
    pub async fn stop_servers_once(&self) -> Result<usize, DatabaseError> {
        self.notebook_stops.stop_due().await
    }

    /// Runs a task that ends before the database closes, even if the request that began it has gone.
    pub fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.tasks.spawn(task)
    }

    /// Waits for the tasks that are still running, then closes the database. The caller has
    /// stopped the background jobs and takes no more requests.
    pub async fn shut_down(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.database.close().await;
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("surveys", &self.surveys)
            .finish_non_exhaustive()
    }
}
