//! The rules: who may lease what, for how long; issuing, renewing, revoking, watching, and the
//! audit of every decision. It speaks to IAM, Keystone and STS through ports that it is handed, and
//! knows nothing of HTTP servers or pages. What always holds: nothing is issued unless the IAM says
//! now (or said within the grace) that the person is in the group; a lease is on disk before its
//! credentials leave; what is revoked is refused from that moment on; every yes and every no is
//! written down with its reason, and no secret is.

mod adapters;
mod authenticate;
mod backend_key;
mod database;
mod denied;
mod issue;
mod membership;
mod ports;
mod renew;
mod revoke;
mod surveys;
mod watch;

use std::sync::Arc;

use skykey_seal::KeyRing;
use skykey_sts::SessionTokens;
use skykey_types::{Clock, SignedDuration};

pub use adapters::{KeystonePort, KeystoneSettings};
pub use authenticate::{Kind, Principal};
pub use database::{AuditEntry, Database, DatabaseError};
pub use denied::Denied;
pub use issue::{Caller, Issued, Wish};
pub use ports::{Ec2Credential, Ec2Identity, Ec2Keys, Exchange, People, PortError};
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
    /// How long Keystone's word about an EC2 credential is kept. What skykey itself revokes is
    /// refused at once all the same.
    pub ec2_kept: SignedDuration,
    /// Where a person asks to join a group; goes into messages.
    pub join_at: String,
}

/// What the broker is wired to.
pub struct Wiring {
    /// The surveys on offer.
    pub surveys: Surveys,
    /// Where leases, audit and backend keys are kept.
    pub database: Database,
    /// Who is in which group.
    pub people: Arc<dyn People>,
    /// EC2 credentials.
    pub ec2: Arc<dyn Ec2Keys>,
    /// EC2 credential → temporary credentials.
    pub exchange: Arc<dyn Exchange>,
    /// Seals and opens our own session tokens.
    pub tokens: SessionTokens,
    /// Seals the backend user's EC2 secrets in the database.
    pub at_rest: KeyRing,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What the site set.
    pub settings: Settings,
}

/// The one who decides. Shared behind an `Arc` by the endpoint, the portal and the watch.
pub struct Broker {
    surveys: Surveys,
    database: Database,
    people: Arc<dyn People>,
    ec2: Arc<dyn Ec2Keys>,
    exchange: Arc<dyn Exchange>,
    tokens: SessionTokens,
    at_rest: KeyRing,
    clock: Arc<dyn Clock>,
    settings: Settings,
    revocations: revoke::Revocations,
    seen: membership::Seen,
    known_ec2: authenticate::KnownEc2,
    backend_keys: tokio::sync::Mutex<()>,
}

impl Broker {
    /// Wires a broker and reads what has been revoked from the database.
    pub async fn new(wiring: Wiring) -> Result<Self, DatabaseError> {
        let revocations = revoke::Revocations::read(&wiring.database, wiring.clock.now()).await?;
        let known_ec2 = authenticate::known_ec2(wiring.settings.ec2_kept);
        let Wiring {
            surveys,
            database,
            people,
            ec2,
            exchange,
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
            exchange,
            tokens,
            at_rest,
            clock,
            settings,
            revocations,
            seen: membership::Seen::default(),
            known_ec2,
            backend_keys: tokio::sync::Mutex::default(),
        })
    }

    /// The surveys on offer.
    pub fn surveys(&self) -> &Surveys {
        &self.surveys
    }

    /// The database, for whoever reads the audit.
    pub fn database(&self) -> &Database {
        &self.database
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
