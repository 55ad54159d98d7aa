//! Read-only is proved, not assumed: before a survey's first lease to read, and every hour, fresh
//! credentials made in the same way try to write. One that succeeds stops issuing for the survey, loudly,
//! until it is refused again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use skykey_types::{
    Access, Credentials, LeaseId, Lifetime, Limits, Method, SignedDuration, SubjectId, Survey,
    SurveyName, Timestamp,
};
use tokio::time::Instant;

use crate::database::{Audit, ProofRecord};
use crate::exchange::Way;
use crate::{Broker, DatabaseError, Denied, Proof};

/// The subject of what skykey does in its own name.
const OURSELVES: &str = "skykey";
/// After a bad proof it is tried again when somebody asks, but not more often than this.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

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

/// The last proof of each survey and method.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    slots: Mutex<HashMap<(SurveyName, Method), Arc<Slot>>>,
    /// The credentials with which something is being tried, so that our own endpoint does not report
    /// what it refuses them.
    trying: Mutex<HashSet<LeaseId>>,
}

#[derive(Debug, Default)]
pub(crate) struct Slot {
    last: Mutex<Option<(Timestamp, Proof)>>,
    /// Why the last try came to nothing, if it did.
    untried: Mutex<Option<String>>,
    /// Held by whoever proves. In it: the last time that nothing was proved, and whose trouble it was.
    gate: tokio::sync::Mutex<Option<(Instant, &'static str, String)>>,
}

impl Proofs {
    /// Whether these credentials are those of a proof under way.
    pub(crate) fn is_trying(&self, lease: &LeaseId) -> bool {
        self.trying().contains(lease)
    }

    fn trying(&self) -> std::sync::MutexGuard<'_, HashSet<LeaseId>> {
        self.trying.lock().expect("nobody panics while holding it")
    }

    fn slot(&self, survey: &Survey, method: Method) -> Arc<Slot> {
        self.slots
            .lock()
            .expect("nobody panics while holding it")
            .entry((survey.name.clone(), method))
            .or_default()
            .clone()
    }
}

impl Slot {
    fn last(&self) -> Option<(Timestamp, Proof)> {
        self.last
            .lock()
            .expect("nobody panics while holding it")
            .clone()
    }

    fn keep(&self, at: Timestamp, proof: Proof) {
        *self.last.lock().expect("nobody panics while holding it") = Some((at, proof));
    }

    /// Takes a proof that another process made, if it is newer. Returns whether it did.
    fn take(&self, at: Timestamp, proof: &Proof) -> bool {
        let mut last = self.last.lock().expect("nobody panics while holding it");
        let newer = last.as_ref().is_none_or(|(known, _)| *known < at);
        if newer {
            *last = Some((at, proof.clone()));
        }
        newer
    }

    fn untried(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.untried.lock().expect("nobody panics while holding it")
    }
}

impl Broker {
    /// Refuses unless credentials of `survey` by `method` were lately seen to read and not to write.
    pub(crate) async fn check_proof(
        &self,
        survey: &Survey,
        method: Method,
        access: Access,
    ) -> Result<(), Denied> {
        if access == Access::Write {
            return Ok(());
        }
        let slot = self.proofs.slot(survey, method);
        if let Some(proof) = self.fresh(&slot) {
            return judge(survey, proof);
        }
        let came = Instant::now();
        let mut gate = slot.gate.lock().await;
        if let Some(proof) = self.fresh(&slot) {
            return judge(survey, proof);
        }
        // Who came while that was under way shares its failure, or a class would try one after the other.
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

    /// Refuses if the last proof found that readers can write. Asks nobody.
    pub(crate) fn check_not_seen_to_write(
        &self,
        survey: &Survey,
        method: Method,
        access: Access,
    ) -> Result<(), Denied> {
        match self.proofs.slot(survey, method).last() {
            Some((_, proof @ Proof::Writes(_))) if access == Access::Read => judge(survey, proof),
            _ => Ok(()),
        }
    }

    /// Proves again what was proved longer than `prove_every` ago, or was not good.
    pub(crate) async fn prove_again(&self) {
        let now = self.clock.now();
        for survey in self.surveys.iter() {
            for method in &survey.methods {
                let slot = self.proofs.slot(survey, *method);
                let due = match slot.last() {
                    None => true,
                    Some((at, Proof::ReadOnly)) => {
                        now.duration_since(at).abs() >= self.settings.prove_every
                    }
                    Some((at, _)) => now.duration_since(at).abs() >= AGAIN,
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
    pub(crate) async fn follow_proofs(&self) -> Result<(), DatabaseError> {
        for record in self.database.proofs_since(self.started).await? {
            let Some(survey) = self.surveys.named(record.survey.as_str()) else {
                continue;
            };
            let slot = self.proofs.slot(survey, record.method);
            if survey.methods.contains(&record.method) && slot.take(record.at, &record.proof) {
                self.metrics
                    .proof(survey, record.method, Some(&record.proof));
            }
        }
        Ok(())
    }

    /// Where every survey stands by every method that it offers, also by those that were never proved.
    pub fn proofs(&self) -> Vec<ProofStanding> {
        let mut found = Vec::new();
        for survey in self.surveys.iter() {
            for method in &survey.methods {
                let slot = self.proofs.slot(survey, *method);
                found.push(ProofStanding {
                    survey: survey.name.clone(),
                    method: *method,
                    last: slot.last(),
                    issues: self.fresh(&slot) == Some(Proof::ReadOnly),
                    untried: slot.untried().clone(),
                });
            }
        }
        found.sort_by(|a, b| (&a.survey, a.method.as_str()).cmp(&(&b.survey, b.method.as_str())));
        found
    }

    /// The last proof, if it need not be made again before issuing. A good one is good for twice as
    /// long as it should take until the next, so that an hour's work never waits for it.
    fn fresh(&self, slot: &Slot) -> Option<Proof> {
        let (at, proof) = slot.last()?;
        let good_for = match proof {
            Proof::ReadOnly => self.settings.prove_every.saturating_mul(2),
            Proof::Writes(_) | Proof::Unreadable(_) => AGAIN,
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
        *slot.untried() = outcome.as_ref().err().map(ToString::to_string);
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
        self.proofs.trying().insert(lease.clone());
        let outcome = self.prover.prove(&credentials, survey).await;
        self.proofs.trying().remove(&lease);
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
        };
        let record = ProofRecord {
            survey: survey.name.clone(),
            method,
            at: now,
            proof: proof.clone(),
        };
        self.database.record_proof(&record, &audit).await?;
        slot.keep(now, proof.clone());
        self.metrics.proof(survey, method, Some(&proof));
        Ok(proof)
    }

    /// Credentials to read, made as a person's would be. They belong to no lease and are gone soon.
    async fn proof_credentials(
        &self,
        survey: &Survey,
        method: Method,
    ) -> Result<Credentials, Denied> {
        let access = Access::Read;
        let lifetime = Lifetime::seconds(Limits::STS.min);
        let project = survey.project(access);
        match method {
            Method::Ec2 => Ok(self.backend_credential(project).await?.credentials()),
            Method::StsLite | Method::AssumeRole => {
                let way = Way::of(method, survey, access, OURSELVES, lifetime)?;
                self.exchange_backend_key(project, &way).await
            }
            Method::Gateway => Ok(self.tokens.mint(&skykey_sts::SessionClaims {
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
