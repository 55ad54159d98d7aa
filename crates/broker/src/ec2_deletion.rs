//! Deleting people's EC2 credentials at Keystone: those of leases that are over, and all that people who
//! were removed have for the projects of which they had a lease.
//!
//! What is to be deleted is in the database until it is done, so that neither an outage nor a wrong
//! password nor a restart forgets it. What fails is tried again, less and less often.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use skykey_types::{LeaseId, SignedDuration, Timestamp};

use crate::after_removal::Store;
use crate::database::{Audit, LeaseRecord, PendingDeletion};
use crate::{Broker, DatabaseError, PortError};

/// After the first failure it is tried again after so long, then after twice as long …
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// … and at least so often.
const AGAIN_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// For how long a process may work on a deletion before another one may. A request to Keystone takes
/// less.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);

/// What could not be deleted. In memory only: after a restart everything is tried at once.
#[derive(Debug, Default)]
pub(crate) struct NotDeleted(Mutex<BTreeMap<Which, Failing>>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Which {
    /// The EC2 credential of a lease that is over.
    Lease(LeaseId),
    /// What somebody has who was removed, by its number in the database.
    Removed(i64),
}

#[derive(Debug)]
struct Failing {
    tries: u32,
    /// When it is tried next.
    due: Timestamp,
    /// Whether Keystone was away; otherwise it said no.
    away: bool,
}

impl NotDeleted {
    /// Those of `candidates` that are to be tried now. What never failed comes first, so that what always
    /// fails keeps nothing waiting.
    fn due<T>(
        &self,
        mut candidates: Vec<T>,
        which: impl Fn(&T) -> Which,
        now: Timestamp,
    ) -> Vec<T> {
        let all = self.all();
        candidates.retain(|one| {
            all.get(&which(one))
                .is_none_or(|failing| failing.due <= now)
        });
        candidates.sort_by_key(|one| all.get(&which(one)).map_or(0, |failing| failing.tries));
        candidates
    }

    /// Notes a failure. Only the first of its kind is told: the others have the same cause.
    fn failed(&self, which: Which, now: Timestamp, error: &PortError, refused_here: bool) {
        let away = matches!(error, PortError::Away(_));
        let mut all = self.all();
        let is_new = !all.values().any(|failing| failing.away == away);
        let failing = all.entry(which).or_insert(Failing {
            tries: 0,
            due: now,
            away,
        });
        let wait = AGAIN_AFTER
            .saturating_mul(1 << failing.tries.min(16))
            .min(AGAIN_WITHIN);
        failing.tries += 1;
        failing.due = now + wait;
        failing.away = away;
        if !is_new {
            tracing::debug!(%error, "an EC2 credential could not be deleted; trying again");
        } else if refused_here {
            tracing::warn!(%error, "EC2 credentials of leases that are over, or of people who were removed, cannot be deleted at Keystone; they are refused here all the same. Trying again until it is done");
        } else {
            tracing::warn!(%error, "EC2 credentials of leases that are over, or of people who were removed, cannot be deleted at Keystone, and the object store goes on accepting them. Trying again until it is done");
        }
    }

    /// Notes that there is nothing more to do, and says whether it had failed.
    fn done(&self, which: &Which) -> bool {
        let mut all = self.all();
        let had_failed = all.remove(which).is_some();
        if had_failed && all.is_empty() {
            tracing::info!(
                "EC2 credentials can be deleted at Keystone again, and none is left over"
            );
        }
        had_failed
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Which, Failing>> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl Broker {
    /// Deletes the EC2 credentials of leases that are over, at Keystone. What fails is tried again later.
    pub async fn sweep(&self) -> Result<usize, DatabaseError> {
        let mut deleted = 0;
        if !self.deletes_ec2() {
            return Ok(deleted);
        }
        let now = self.clock.now();
        let over = self.database.ended_ec2_leases(now).await?;
        let of = |row: &LeaseRecord| Which::Lease(row.lease.id.clone());
        for row in self.not_deleted.due(over, of, now) {
            let which = of(&row);
            let Some(user) = &row.keystone_user else {
                continue;
            };
            match self.ec2.delete(user, &row.lease.access_key_id).await {
                Ok(()) => {
                    let now = self.clock.now();
                    let noted = self.database.ec2_deleted(&row.lease.id, now).await?;
                    self.not_deleted.done(&which);
                    deleted += usize::from(noted);
                }
                Err(error) => {
                    self.could_not_delete(which, &error);
                    break;
                }
            }
        }
        Ok(deleted)
    }

    /// Deletes all EC2 credentials of people who were removed, also those that they made and never used
    /// here, unless they are back by now.
    pub(crate) async fn delete_pending(&self) -> Result<(), DatabaseError> {
        if !self.deletes_ec2() {
            return Ok(());
        }
        let now = self.clock.now();
        let left = self.database.pending_deletions().await?;
        let of = |(number, _): &(i64, PendingDeletion)| Which::Removed(*number);
        let left = self.not_deleted.due(left, of, now);
        if left.is_empty() {
            return Ok(());
        }
        let live = self.database.live_leases(now).await?;
        for (number, left) in left {
            let which = Which::Removed(number);
            if live.iter().any(|row| self.is_back(&left, row)) {
                self.database
                    .finish_deletion(number, left.since, None)
                    .await?;
                self.not_deleted.done(&which);
                continue;
            }
            let now = self.clock.now();
            let claimed = self
                .database
                .claim_deletion(number, left.since, now, now + CLAIM)
                .await?;
            if !claimed {
                continue;
            }
            match self.delete_of(&left).await {
                Ok(count) => {
                    let had_failed = self.not_deleted.done(&which);
                    // Most people have made none, and then there is nothing to tell.
                    let audit = (count > 0 || had_failed).then(|| self.deleted(&left, count));
                    self.database
                        .finish_deletion(number, left.since, audit.as_ref())
                        .await?;
                }
                Err(error) => {
                    self.database.release_deletion(number).await?;
                    self.could_not_delete(which, &error);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether EC2 credentials of people can be deleted at all.
    pub(crate) fn deletes_ec2(&self) -> bool {
        self.settings.store != Store::Ceph { deletes_ec2: false }
    }

    /// Says once what an operator must know who configured no administrator.
    pub(crate) fn tell_what_is_not_deleted(&self) {
        if !self.deletes_ec2() {
            tracing::warn!(
                "[keystone.admin_user] is not configured, so EC2 credentials of people who are removed are not deleted: Echo goes on accepting them until somebody deletes them in OpenStack. They are remembered, and deleted once an administrator is configured"
            );
        }
    }

    /// Whose EC2 credentials, in which project, the owner of a lease that was revoked may still have: also
    /// of a lease by the backend user, since nobody knows what they made in OpenStack.
    pub(crate) fn pending_deletion(
        &self,
        row: &LeaseRecord,
        reason: &str,
        since: Timestamp,
    ) -> Option<PendingDeletion> {
        // The projects of a survey that is no longer configured are not known.
        let survey = self.surveys.named(row.lease.survey.as_str())?;
        Some(PendingDeletion {
            subject: row.lease.subject.clone(),
            keystone_user: row.keystone_user.clone(),
            project: survey.project(row.lease.access).clone(),
            username: row.lease.username.clone(),
            survey: row.lease.survey.to_string(),
            reason: reason.to_owned(),
            since,
        })
    }

    /// Whether a live lease says that they may have EC2 credentials for the project again.
    fn is_back(&self, left: &PendingDeletion, row: &LeaseRecord) -> bool {
        let survey = self.surveys.named(row.lease.survey.as_str());
        row.lease.subject == left.subject
            && survey.is_some_and(|survey| *survey.project(row.lease.access) == left.project)
    }

    /// Deletes all that they have for the project, and says how many there were.
    async fn delete_of(&self, left: &PendingDeletion) -> Result<usize, PortError> {
        let user = match &left.keystone_user {
            Some(user) => user.clone(),
            None => match self.ec2.user_of(&left.subject.sub).await? {
                Some(user) => user,
                // They never came to OpenStack.
                None => return Ok(0),
            },
        };
        self.ec2.delete_all(&user, &left.project).await
    }

    fn deleted(&self, left: &PendingDeletion, count: usize) -> Audit {
        let (username, project) = (&left.username, &left.project);
        tracing::info!(username, %project, count, "EC2 credentials deleted");
        let credentials = if count == 1 {
            "credential"
        } else {
            "credentials"
        };
        Audit {
            at: self.clock.now(),
            subject: left.subject.clone(),
            username: username.clone(),
            action: "delete-ec2",
            yes: true,
            reason: format!(
                "{}; {count} EC2 {credentials} for the project {project} deleted at Keystone",
                left.reason
            ),
            survey: Some(left.survey.clone()),
            method: None,
            lease: None,
        }
    }

    /// Notes a failure. The others wait for the next round: Keystone is mostly away for them, too, or the
    /// password wrong, and the watch must not wait for each.
    fn could_not_delete(&self, which: Which, error: &PortError) {
        let refused_here = self.settings.store == Store::Ours;
        self.not_deleted
            .failed(which, self.clock.now(), error, refused_here);
    }
}
