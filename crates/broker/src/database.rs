//! The broker's port to its database: everything that must outlive a restart, or that several
//! processes on one database must agree about.
//!
//! [`Database`] joins the topics: leases and their revocations, EC2 credentials that wait for their
//! deletion, the backend user's EC2 credentials, logins, proofs and the audit. What always holds:
//!
//! - A call is one transaction: all of it is on disk when it returns `Ok`, or nothing is.
//! - What depends on the state that is found ("revoke unless …", "reinstate unless …", "claim …",
//!   "replace … if it is still …") is decided inside the call, and the call says what it did. No
//!   caller reads first and writes later, so two processes cannot undo each other's work.
//! - Times come from the caller's clock. No secret passes this port unsealed.
//!
//! `conformance` (a feature) tries all of that on any implementation, with two handles on one
//! database.
//!
//! # What stays in a process's memory
//!
//! A right or a promise goes through the port. What remains in memory is a cache, or concerns only
//! the process that holds it; losing it costs a request to another system and grants nothing:
//!
//! | in memory | why it may stay there |
//! |---|---|
//! | revoked leases | a copy of the database's, written there too, and kept up to date by [`Broker::follow_once`](crate::Broker::follow_once) |
//! | the IAM's last word about each person | without it nothing is issued while the IAM is silent, which is the safe side |
//! | Keystone's word about EC2 credentials and machines' tokens | expires after `ec2_kept` |
//! | which backend credentials are warm | the object store's memory, not ours; a wrong guess costs half a second |
//! | credentials that are handed out again | secrets, which are never stored; another process issues its own |
//! | the last proof of each survey and method | a copy of the database's; a proof from before this process started is not believed, since the configuration may have changed |
//! | whose credentials a proof is trying | meant for the process that tries |
//! | how often a deletion or a stop has failed | only the retry interval; the deletion itself is in the database |
//! | whose notebook servers are to be stopped | no right: the servers have no credentials any more |
//! | when the IAM was last asked about somebody who was removed | a rate limit of this process |
//! | since when Keystone refuses the administrator | a message to the operator |

mod audit;
mod backend_keys;
mod deletions;
mod leases;
mod logins;
mod proofs;

use async_trait::async_trait;

pub use audit::{Audit, AuditEntry, AuditLog};
pub use backend_keys::{BackendKey, BackendKeyStore};
pub use deletions::{PendingDeletion, PendingDeletions};
pub use leases::{ChangeCursor, LeaseChanges, LeaseRecord, Leases, ProjectLeases, Revocation};
pub use logins::Logins;
pub use proofs::{ProofLog, ProofRecord};

/// The broker's database.
#[async_trait]
pub trait Database:
    Leases + PendingDeletions + BackendKeyStore + Logins + ProofLog + AuditLog
{
    /// Closes it. Everything that was acknowledged is on disk already.
    async fn close(&self);
}

/// A database that failed. Nothing of the call was done.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The database did not answer, or refused.
    #[error("the broker's database failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that this version cannot read.
    #[error(
        "column {column} of the broker's database contains an invalid value, '{found}'; it was \
         written by another version or by hand"
    )]
    Damaged {
        /// Which column.
        column: &'static str,
        /// What it contains.
        found: String,
    },
}
