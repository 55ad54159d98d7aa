//! What was last found about a survey's readers.

use async_trait::async_trait;
use skykey_types::{Method, SurveyName, Timestamp};

use super::{Audit, DatabaseError};
use crate::Proof;

/// The last proof of a survey by a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRecord {
    /// Which survey.
    pub survey: SurveyName,
    /// By which method.
    pub method: Method,
    /// When it was made.
    pub at: Timestamp,
    /// What it found.
    pub proof: Proof,
}

/// The last proofs.
#[async_trait]
pub trait ProofLog: Send + Sync {
    /// Stores a proof, unless a newer one is stored, and writes the audit.
    async fn record_proof(&self, record: &ProofRecord, audit: &Audit) -> Result<(), DatabaseError>;
    /// Returns the last proof of each survey and method, if it was made at `since` or later.
    async fn proofs_since(&self, since: Timestamp) -> Result<Vec<ProofRecord>, DatabaseError>;
}
