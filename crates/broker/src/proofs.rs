//! Read-only is proved, not assumed: before a survey's first lease to read, and every hour, fresh
//! credentials made in the same way try to write. One write that succeeds stops issuing for the
//! survey, loudly, until it is refused again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use skykey_sts::{SessionClaims, SessionTokens};
use skykey_types::{
    Access, Clock, Credentials, LeaseId, Lifetime, Limits, Method, SignedDuration, SubjectId,
    Survey, SurveyName, Timestamp, lock,
};
use tokio::time::Instant;

use crate::backend_keys::BackendKeys;
use crate::database::{Audit, Database, DatabaseError, ProofRecord};
use crate::token_request::TokenRequest;
use crate::{BrokerMetrics, Denied, Proof, Prover, Surveys};

/// The subject of what skykey does in its own name.
const OURSELVES: &str = "skykey";
/// Shortest interval between two tries after a bad proof.
const RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// Where a survey stands by a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofStanding {
    /// Which survey.
    pub survey: SurveyName,
    /// By which method.
    pub method: Method,
    /// The last proof and when it was made; `None` before the first.
    pub last: Option<(Timestamp, Proof)>,
    /// Whether leases to read are issued on the strength of it.
    pub issues: bool,
    /// Why the last try came to nothing, if it did.
    pub untried: Option<String>,
}

/// The proofs, and what makes them.
pub(crate) struct Proofs {
    pub(crate) surveys: Surveys,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) prover: Arc<dyn Prover>,
    pub(crate) tokens: Arc<SessionTokens>,
    pub(crate) backend_keys: Arc<BackendKeys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: BrokerMetrics,
    /// How long after a good proof the next one is due.
    pub(crate) interval: SignedDuration,
    /// When this process started.
    pub(crate) started: Timestamp,
    pub(crate) known: Known,
}

/// The last proof of each survey and method.
#[derive(Debug, Default)]
pub(crate) struct Known {
    slots: Mutex<HashMap<(SurveyName, Method), Arc<Slot>>>,
    /// The credentials with which something is being tried, so that our own endpoint does not report
    /// what it refuses them.
    trying: Mutex<HashSet<LeaseId>>,
}

#[derive(Debug, Default)]
struct Slot {
    last: Mutex<Option<(Timestamp, Proof)>>,
    /// Why the last try failed, if it did.
    untried: Mutex<Option<String>>,
    /// Held by the task that proves. In it: the last time that nothing was proved, which system
    /// failed, and how.
    gate: tokio::sync::Mutex<Option<(Instant, &'static str, String)>>,
}

impl Slot {
    fn last(&self) -> Option<(Timestamp, Proof)> {
        lock(&self.last).clone()
    }

    /// Takes a proof, unless a newer one is known. Returns whether it did.
    fn take(&self, at: Timestamp, proof: &Proof) -> bool {
        let mut last = lock(&self.last);
        let newer = last.as_ref().is_none_or(|(known, _)| *known <= at);
        if newer {
            *last = Some((at, proof.clone()));
        }
        newer
    }
}

impl Proofs {
    fn slot(&self, survey: &Survey, method: Method) -> Arc<Slot> {
        lock(&self.known.slots)
            .entry((survey.name.clone(), method))
            .or_default()
            .clone()
    }

    /// Whether these credentials are those of a proof under way.
    pub(crate) fn is_trying(&self, lease: &LeaseId) -> bool {
        lock(&self.known.trying).contains(lease)
    }

    /// Refuses unless credentials of `survey` by `method` were lately seen to read and not to write.
    pub(crate) async fn check(
        &self,
        survey: &Survey,
        method: Method,
        access: Access,
    ) -> Result<(), Denied> {
        if access == Access::Write {
            return Ok(());
        }
        let slot = self.slot(survey, method);
        if let Some(proof) = self.fresh(&slot) {
            return judge(survey, proof);
        }
        let came = Instant::now();
        let mut gate = slot.gate.lock().await;
        if let Some(proof) = self.fresh(&slot) {
            return judge(survey, proof);
        }
        // A task that waited shares the failure, or a class would try one after the other.
        if let Some((at, system, why)) = &*gate
            && *at >= came
        {
            let why = why.clone();
            return Err(Denied::Away { system, why });
        }
        let outcome = match self.prove_into(&slot, survey, method).await {
            Ok(proof) => judge(survey, proof),
            Err(denied) => Err(denied),
        };
        *gate = match &outcome {
            Err(Denied::Away { system, why }) => Some((Instant::now(), system, why.clone())),
            _ => None,
        };
        outcome
    }

    /// Refuses if the last proof found that readers can write. Sends no request.
    pub(crate) fn check_not_writing(
        &self,
        survey: &Survey,
        method: Method,
        access: Access,
    ) -> Result<(), Denied> {
        match self.slot(survey, method).last() {
            Some((_, proof @ Proof::Writes(_))) if access == Access::Read => judge(survey, proof),
            _ => Ok(()),
        }
    }

    /// Proves again what was proved longer than the interval ago, or was bad.
    pub(crate) async fn prove_again(&self) {
        let now = self.clock.now();
        for survey in self.surveys.iter() {
            for method in &survey.methods {
                let slot = self.slot(survey, *method);
                let due = match slot.last() {
                    None => true,
                    Some((at, Proof::ReadOnly)) => now.duration_since(at).abs() >= self.interval,
                    Some((at, _)) => now.duration_since(at).abs() >= RETRY_INTERVAL,
                };
                let Ok(_gate) = slot.gate.try_lock() else {
                    continue;
                };
                if due && let Err(denied) = self.prove_into(&slot, survey, *method).await {
                    tracing::warn!(survey = %survey.name, %method, %denied, "whether readers can write could not be tried");
                }
            }
        }
    }

    /// Takes the proofs of other processes that were made since this one started: what was proved
    /// before may have been of another configuration.
    pub(crate) async fn follow(&self) -> Result<(), DatabaseError> {
        for record in self.database.proofs_since(self.started).await? {
            let Some(survey) = self.surveys.named(record.survey.as_str()) else {
                continue;
            };
            let slot = self.slot(survey, record.method);
            if survey.methods.contains(&record.method) && slot.take(record.at, &record.proof) {
                self.metrics
                    .proof(survey, record.method, Some(&record.proof));
            }
        }
        Ok(())
    }

    /// Returns how every survey stands by every method that it offers, proved or not.
    pub(crate) fn standings(&self) -> Vec<ProofStanding> {
        let mut found = Vec::new();
        for survey in self.surveys.iter() {
            for method in &survey.methods {
                let slot = self.slot(survey, *method);
                found.push(ProofStanding {
                    survey: survey.name.clone(),
                    method: *method,
                    last: slot.last(),
                    issues: self.fresh(&slot) == Some(Proof::ReadOnly),
                    untried: lock(&slot.untried).clone(),
                });
            }
        }
        found.sort_by(|a, b| (&a.survey, a.method.as_str()).cmp(&(&b.survey, b.method.as_str())));
        found
    }

    /// Returns the last proof, if leases may be issued without a new one. A good proof counts for twice
    /// the interval, so that requests never wait for the next one.
    fn fresh(&self, slot: &Slot) -> Option<Proof> {
        let (at, proof) = slot.last()?;
        let good_for = match proof {
            Proof::ReadOnly => self.interval.saturating_mul(2),
            Proof::Writes(_) | Proof::Unreadable(_) => RETRY_INTERVAL,
            Proof::Unclear(_) => SignedDuration::ZERO,
        };
        // A clock that was set back draws nothing out.
        (self.clock.now().duration_since(at).abs() < good_for).then_some(proof)
    }

    async fn prove_into(
        &self,
        slot: &Slot,
        survey: &Survey,
        method: Method,
    ) -> Result<Proof, Denied> {
        let outcome = self.try_to_prove(slot, survey, method).await;
        *lock(&slot.untried) = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }

    async fn try_to_prove(
        &self,
        slot: &Slot,
        survey: &Survey,
        method: Method,
    ) -> Result<Proof, Denied> {
        let credentials = self.proof_credentials(survey, method).await?;
        let lease = LeaseId::of(&credentials.access_key_id);
        lock(&self.known.trying).insert(lease.clone());
        let outcome = self.prover.prove(&credentials, survey).await;
        lock(&self.known.trying).remove(&lease);
        let proof = outcome.map_err(|error| Denied::port("the object store", error))?;
        let now = self.clock.now();
        let (yes, reason) = match &proof {
            Proof::ReadOnly => (true, "reads, and no way of writing succeeded".to_owned()),
            Proof::Writes(operations) => (
                false,
                format!("readers can write: {}", operations.join(", ")),
            ),
            Proof::Unreadable(why) => (false, format!("readers cannot read: {why}")),
            Proof::Unclear(why) => (false, format!("nothing is proved: {why}")),
        };
        if yes {
            tracing::info!(survey = %survey.name, %method, "proved: {reason}");
        } else {
            tracing::error!(survey = %survey.name, %method, "no leases to read are issued: {reason}");
        }
        let audit = Audit {
            at: now,
            subject: SubjectId {
                issuer: OURSELVES.to_owned(),
                sub: OURSELVES.to_owned(),
            },
            username: OURSELVES.to_owned(),
            action: "prove",
            yes,
            reason,
            survey: Some(survey.name.to_string()),
            method: Some(method.to_string()),
            lease: None,
            request_id: None,
        };
        let record = ProofRecord {
            survey: survey.name.clone(),
            method,
            at: now,
            proof: proof.clone(),
        };
        self.database.record_proof(&record, &audit).await?;
        slot.take(now, &proof);
        self.metrics.proof(survey, method, Some(&proof));
        Ok(proof)
    }

    /// Returns credentials to read, made as a person's would be. They belong to no lease and expire
    /// soon.
    async fn proof_credentials(
        &self,
        survey: &Survey,
        method: Method,
    ) -> Result<Credentials, Denied> {
        let access = Access::Read;
        let lifetime = Lifetime::seconds(Limits::STS.min);
        let project = survey.project(access);
        match method {
            Method::Ec2 => Ok(self.backend_keys.credential(project).await?.credentials()),
            Method::StsLite | Method::AssumeRole => {
                let request = TokenRequest::of(method, survey, access, OURSELVES, lifetime)?;
                self.backend_keys.exchange(project, &request).await
            }
            Method::Gateway => Ok(self.tokens.mint(&SessionClaims {
                subject: SubjectId {
                    issuer: OURSELVES.to_owned(),
                    sub: OURSELVES.to_owned(),
                },
                username: OURSELVES.to_owned(),
                survey: survey.name.clone(),
                access,
                rights: survey.rights(access),
                expiration: self.clock.now() + lifetime.duration(),
            })),
        }
    }
}

fn judge(survey: &Survey, proof: Proof) -> Result<(), Denied> {
    let survey = survey.name.clone();
    match proof {
        Proof::ReadOnly => Ok(()),
        Proof::Writes(operations) => Err(Denied::NotReadOnly { survey, operations }),
        Proof::Unreadable(why) => Err(Denied::NotReadable { survey, why }),
        Proof::Unclear(why) => Err(Denied::Away {
            system: "the object store",
            why,
        }),
    }
}
