//! Ending leases before their time, refusing them, and reinstating them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use skykey_types::{Clock, Lease, LeaseEnd, LeaseId, RequestId, Timestamp, lock};

use crate::database::{
    Audit, ChangeCursor, Database, DatabaseError, LeaseRecord, PendingDeletion, Revocation,
};
use crate::{BrokerMetrics, Denied};

/// The leases that were revoked and have not expired.
///
/// The copy in memory is the only thing that is looked up when a session token is checked. It is
/// complete up to a change of the database, and contains what could not be written there.
pub(crate) struct Revocations {
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
    metrics: BrokerMetrics,
    join_at: String,
    copy: Memory,
    /// Held while a lease ends or is reinstated, in memory and in the database.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Memory {
    revoked: RwLock<HashMap<LeaseId, Revoked>>,
    /// Up to which change of the database it is complete.
    cursor: Mutex<ChangeCursor>,
}

#[derive(Debug, Clone, Copy)]
struct Revoked {
    at: Timestamp,
    why: LeaseEnd,
    /// When its credentials would have ended by themselves.
    expires: Option<Timestamp>,
}

impl Revocations {
    /// Reads what was revoked from the database.
    pub(crate) async fn read(
        database: Arc<dyn Database>,
        clock: Arc<dyn Clock>,
        metrics: BrokerMetrics,
        join_at: String,
    ) -> Result<Self, DatabaseError> {
        let copy = Memory::default();
        let found = database.revoked_leases(clock.now()).await?;
        for lease in &found.leases {
            copy.set(lease);
        }
        *lock(&copy.cursor) = found.cursor;
        Ok(Self {
            database,
            clock,
            metrics,
            join_at,
            copy,
            writing: tokio::sync::Mutex::default(),
        })
    }

    /// Refuses a lease that was revoked. Only memory is read.
    pub(crate) fn check(&self, lease: &LeaseId) -> Result<(), Denied> {
        match self.copy.of(lease) {
            None => Ok(()),
            Some((at, why)) => Err(self.denied(at, why)),
        }
    }

    /// Returns the refusal of a lease that was revoked.
    pub(crate) fn denied(&self, at: Timestamp, why: LeaseEnd) -> Denied {
        Denied::Revoked {
            at,
            why,
            join_at: self.join_at.clone(),
        }
    }

    /// Revokes a lease: refused from now on, then written down with what is left to delete at
    /// Keystone.
    pub(crate) async fn revoke(
        &self,
        record: &LeaseRecord,
        why: LeaseEnd,
        reason: &str,
        request_id: Option<&RequestId>,
        deletion: impl FnOnce(Timestamp) -> Option<PendingDeletion>,
    ) -> Result<(), DatabaseError> {
        let _writing = self.writing.lock().await;
        let lease = &record.lease;
        let now = self.clock.now();
        self.copy.insert(lease, now, why);
        let deletion = deletion(now);
        let revocation = Revocation {
            lease: &lease.id,
            at: now,
            why,
            audit: &audit(lease, "revoke", reason.to_owned(), now, request_id),
            deletion: deletion.as_ref(),
        };
        if self.database.revoke_lease(&revocation).await? {
            self.metrics.revoked(lease, why);
        } else if let Some(found) = self.database.lease(&lease.id).await? {
            // Another process revoked it first, and its reason counts.
            self.copy.set(&found.lease);
        }
        Ok(())
    }

    /// Reinstates a lease that ended by removal: on disk first, then here. Returns `false` if it was
    /// given back meanwhile.
    pub(crate) async fn reinstate(
        &self,
        lease: &Lease,
        request_id: &RequestId,
    ) -> Result<bool, DatabaseError> {
        let reason = format!("back in a group that may {} {}", lease.access, lease.survey);
        let _writing = self.writing.lock().await;
        // It may have been given back while the IAM was asked.
        if !matches!(self.copy.of(&lease.id), Some((_, LeaseEnd::Removed))) {
            return Ok(false);
        }
        let audit = audit(
            lease,
            "reinstate",
            reason,
            self.clock.now(),
            Some(request_id),
        );
        let live = self.database.reinstate_lease(&lease.id, &audit).await?;
        if live {
            self.copy.remove(&lease.id);
            tracing::info!(lease = %lease.id, username = lease.username, survey = %lease.survey, "lease reinstated: its owner is back in the group");
        }
        Ok(live)
    }

    /// Reads what changed in the database since the last time, and returns the leases that are
    /// revoked now.
    pub(crate) async fn follow(&self) -> Result<Vec<Lease>, DatabaseError> {
        // Not while this process writes a change of its own.
        let _writing = self.writing.lock().await;
        let cursor = *lock(&self.copy.cursor);
        let mut changes = self.database.lease_changes(cursor).await?;
        for lease in &changes.leases {
            self.copy.set(lease);
        }
        *lock(&self.copy.cursor) = changes.cursor;
        changes.leases.retain(|lease| lease.revoked.is_some());
        Ok(changes.leases)
    }

    /// Forgets leases whose credentials have expired, and are refused for that.
    pub(crate) fn prune(&self) {
        self.copy.prune(self.clock.now());
    }
}

impl Memory {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<LeaseId, Revoked>> {
        self.revoked.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<LeaseId, Revoked>> {
        self.revoked.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, lease: &LeaseId) -> Option<(Timestamp, LeaseEnd)> {
        let all = self.read();
        all.get(lease).map(|revoked| (revoked.at, revoked.why))
    }

    fn insert(&self, lease: &Lease, at: Timestamp, why: LeaseEnd) {
        let revoked = Revoked {
            at,
            why,
            expires: lease.expires,
        };
        self.write().insert(lease.id.clone(), revoked);
    }

    fn remove(&self, lease: &LeaseId) {
        self.write().remove(lease);
    }

    /// Takes a lease's state from the database.
    fn set(&self, lease: &Lease) {
        match lease.revoked {
            Some((at, why)) => self.insert(lease, at, why),
            None => self.remove(&lease.id),
        }
    }

    fn prune(&self, now: Timestamp) {
        self.write()
            .retain(|_, revoked| revoked.expires.is_none_or(|end| end > now));
    }
}

/// Returns the audit entry for the end of a lease, or for its reinstatement.
fn audit(
    lease: &Lease,
    action: &'static str,
    reason: String,
    at: Timestamp,
    request_id: Option<&RequestId>,
) -> Audit {
    Audit {
        at,
        subject: lease.subject.clone(),
        username: lease.username.clone(),
        action,
        yes: true,
        reason,
        survey: Some(lease.survey.to_string()),
        method: Some(lease.method.to_string()),
        lease: Some(lease.id.clone()),
        request_id: request_id.cloned(),
    }
}

#[cfg(test)]
mod tests {
    use skykey_types::{Access, AccessKeyId, Limit, Method, SignedDuration, SubjectId};

    use super::*;

    fn lease(key: &str, expires: Option<Timestamp>) -> Lease {
        let access_key_id = AccessKeyId::new(key);
        Lease {
            id: LeaseId::of(&access_key_id),
            subject: SubjectId {
                issuer: "i".to_owned(),
                sub: "s".to_owned(),
            },
            username: "u".to_owned(),
            survey: "demo".parse().unwrap(),
            access: Access::Read,
            method: Method::Gateway,
            access_key_id,
            asked: None,
            limit: Limit::Default,
            issued: Timestamp::UNIX_EPOCH,
            expires,
            revoked: None,
        }
    }

    #[test]
    fn a_revoked_lease_is_kept_in_memory_until_it_would_have_ended_and_no_longer() {
        let start = Timestamp::UNIX_EPOCH;
        let after = |seconds| start + SignedDuration::from_secs(seconds);
        let copy = Memory::default();
        let [short, long, endless] = [
            lease("short", Some(after(3600))),
            lease("long", Some(after(7200))),
            lease("endless", None),
        ];
        for lease in [&short, &long, &endless] {
            copy.insert(lease, start, LeaseEnd::Returned);
        }
        let kept = |now| {
            copy.prune(now);
            [&short, &long, &endless].map(|lease| copy.of(&lease.id).is_some())
        };
        assert_eq!(kept(after(3599)), [true, true, true]);
        assert_eq!(kept(after(3600)), [false, true, true]);
        assert_eq!(kept(after(7200)), [false, false, true]);
    }
}
