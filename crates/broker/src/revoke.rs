//! Ending leases before their time, and refusing what was ended.

use std::collections::HashMap;
use std::sync::{Mutex, RwLock};

use skykey_types::{Lease, LeaseEnd, LeaseId, LeaseState, SubjectId, SurveyName, Timestamp};

use crate::database::{Audit, ChangeCursor, Database, DatabaseError, LeaseRecord, Revocation};
use crate::{Broker, BrokerMetrics, Caller, Denied};

/// The leases that were revoked and have not expired: the only thing that is looked up when a session
/// token is checked. It is a copy of what the database knows, with what could not be written there.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    all: RwLock<HashMap<LeaseId, Revoked>>,
    /// Up to which change of the database it is complete.
    cursor: Mutex<ChangeCursor>,
    metrics: BrokerMetrics,
}

#[derive(Debug, Clone, Copy)]
struct Revoked {
    at: Timestamp,
    why: LeaseEnd,
    /// When its credentials would have ended by themselves.
    expires: Option<Timestamp>,
}

impl Revocations {
    pub(crate) async fn read(
        database: &dyn Database,
        now: Timestamp,
        metrics: &BrokerMetrics,
    ) -> Result<Self, DatabaseError> {
        let all = Self {
            metrics: metrics.clone(),
            ..Self::default()
        };
        let revoked = database.revoked_leases(now).await?;
        for lease in &revoked.leases {
            all.set(lease);
        }
        all.advance(revoked.cursor);
        Ok(all)
    }

    /// Takes a lease's state from the database.
    pub(crate) fn set(&self, lease: &Lease) {
        match lease.revoked {
            Some((at, why)) => self.insert(lease, at, why),
            None => self.remove(&lease.id),
        }
    }

    pub(crate) fn cursor(&self) -> ChangeCursor {
        *self.cursor.lock().expect("nobody panics while holding it")
    }

    pub(crate) fn advance(&self, cursor: ChangeCursor) {
        *self.cursor.lock().expect("nobody panics while holding it") = cursor;
    }

    pub(crate) fn of(&self, lease: &LeaseId) -> Option<(Timestamp, LeaseEnd)> {
        self.all
            .read()
            .expect("nobody panics while holding it")
            .get(lease)
            .map(|revoked| (revoked.at, revoked.why))
    }

    fn insert(&self, lease: &Lease, at: Timestamp, why: LeaseEnd) {
        let revoked = Revoked {
            at,
            why,
            expires: lease.expires,
        };
        self.all
            .write()
            .expect("nobody panics while holding it")
            .insert(lease.id.clone(), revoked);
    }

    /// The lease goes on.
    pub(crate) fn remove(&self, lease: &LeaseId) {
        self.all
            .write()
            .expect("nobody panics while holding it")
            .remove(lease);
    }

    /// Forgets those whose credentials have ended by themselves, and are refused for that. A round of the watch
    /// ends with it, so it is also noted that one did.
    pub(crate) fn prune(&self, now: Timestamp) {
        self.metrics.watched(now);
        self.all
            .write()
            .expect("nobody panics while holding it")
            .retain(|_, revoked| revoked.expires.is_none_or(|end| end > now));
    }
}

impl Broker {
    /// Refuses a lease that was revoked.
    pub(crate) fn check_revoked(&self, lease: &LeaseId) -> Result<(), Denied> {
        match self.revocations.of(lease) {
            None => Ok(()),
            Some((at, why)) => Err(self.revoked(at, why)),
        }
    }

    pub(crate) fn revoked(&self, at: Timestamp, why: LeaseEnd) -> Denied {
        Denied::Revoked {
            at,
            why,
            join_at: self.settings.join_at.clone(),
        }
    }

    /// Ends a lease of the caller's own.
    pub async fn give_back(&self, caller: &Caller, lease: &str) -> Result<(), Denied> {
        let now = self.clock.now();
        let found = self.database.lease(&LeaseId::from_text(lease)).await?;
        let Some(row) = found.filter(|row| row.lease.subject == caller.id) else {
            let denied = Denied::NoSuchLease(lease.chars().take(80).collect());
            self.database
                .audit(&Audit::no(now, caller, "give-back", &denied))
                .await?;
            return Err(denied);
        };
        // Giving back twice is giving back. What ended because its owner left could come back, and shall not.
        let over = row.lease.expires.is_some_and(|end| end <= now);
        let ends = match row.lease.state(now) {
            LeaseState::Live => true,
            LeaseState::Revoked(_, LeaseEnd::Removed) => !over,
            LeaseState::Expired | LeaseState::Revoked(_, LeaseEnd::Returned) => false,
        };
        if ends {
            self.revoke(
                &row,
                LeaseEnd::Returned,
                &format!("{} gave it back", caller.username),
            )
            .await?;
            self.sweep().await?;
        }
        Ok(())
    }

    /// Ends a lease: refused here from now on, then written down. Its EC2 credential, if it has
    /// one, is deleted by the next [`Broker::sweep`]; whatever else somebody who was removed has at Keystone,
    /// by the watch.
    pub(crate) async fn revoke(
        &self,
        row: &LeaseRecord,
        why: LeaseEnd,
        reason: &str,
    ) -> Result<(), DatabaseError> {
        let _alone = self.ending.lock().await;
        let now = self.clock.now();
        self.revocations.insert(&row.lease, now, why);
        self.hand_outs.forget(&row.lease.id);
        self.known_ec2.invalidate(&row.lease.access_key_id).await;
        let audit = Audit {
            at: now,
            subject: row.lease.subject.clone(),
            username: row.lease.username.clone(),
            action: "revoke",
            yes: true,
            reason: reason.to_owned(),
            survey: Some(row.lease.survey.to_string()),
            method: Some(row.lease.method.to_string()),
            lease: Some(row.lease.id.clone()),
        };
        let deletion = (why == LeaseEnd::Removed)
            .then(|| self.pending_deletion(row, reason, now))
            .flatten();
        let revocation = Revocation {
            lease: &row.lease.id,
            at: now,
            why,
            audit: &audit,
            deletion: deletion.as_ref(),
        };
        if self.database.revoke_lease(&revocation).await? {
            self.metrics.revoked(&row.lease, why);
        } else if let Some(found) = self.database.lease(&row.lease.id).await? {
            // Another process ended it first, and its reason counts.
            self.revocations.set(&found.lease);
        }
        Ok(())
    }

    /// When the person last lost a lease because they left its survey's group, and of which survey;
    /// of that one, if one is named.
    pub async fn last_removal(
        &self,
        id: &SubjectId,
        survey: Option<&SurveyName>,
    ) -> Result<Option<(SurveyName, Timestamp)>, Denied> {
        Ok(self.database.last_removal(id, survey).await?)
    }

    /// The caller's leases, the newest first.
    pub async fn leases(&self, id: &SubjectId) -> Result<Vec<skykey_types::Lease>, Denied> {
        Ok(self.database.leases_of(id).await?)
    }
}

#[cfg(test)]
mod tests {
    use skykey_types::{Access, AccessKeyId, Limit, Method, SignedDuration};

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
        let revocations = Revocations::default();
        let [short, long, endless] = [
            lease("short", Some(after(3600))),
            lease("long", Some(after(7200))),
            lease("endless", None),
        ];
        for lease in [&short, &long, &endless] {
            revocations.insert(lease, start, LeaseEnd::Returned);
        }
        let kept = |now| {
            revocations.prune(now);
            [&short, &long, &endless].map(|lease| revocations.of(&lease.id).is_some())
        };
        assert_eq!(kept(after(3599)), [true, true, true]);
        assert_eq!(kept(after(3600)), [false, true, true]);
        assert_eq!(kept(after(7200)), [false, false, true]);
    }
}
