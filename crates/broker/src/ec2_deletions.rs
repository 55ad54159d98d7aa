//! Deleting people's EC2 credentials at Keystone: those of leases that are over, and all that people
//! who were removed have for the projects of which they had a lease.
//!
//! What is to be deleted is in the database until it is done, so that neither an outage nor a wrong
//! password nor a restart forgets it. What fails is tried again, less and less often.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use skykey_types::{Clock, LeaseId, SignedDuration, Timestamp, lock};

use crate::after_removal::Store;
use crate::database::{Audit, Database, DatabaseError, LeaseRecord, PendingDeletion};
use crate::{Ec2Keys, PortError, Surveys};

/// Retry interval after the first failure; it doubles with each further one.
const FIRST_RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// Longest retry interval.
const MAX_RETRY_INTERVAL: SignedDuration = SignedDuration::from_mins(5);
/// How long a process may work on a deletion before another one may. A request to Keystone takes
/// less.
const CLAIM_TIME: SignedDuration = SignedDuration::from_mins(2);

/// The deletions at Keystone.
pub(crate) struct Ec2Deletions {
    pub(crate) surveys: Surveys,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) ec2: Arc<dyn Ec2Keys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Store,
    pub(crate) failing: Failing,
}

/// What could not be deleted. In memory only: after a restart everything is tried at once.
#[derive(Debug, Default)]
pub(crate) struct Failing(Mutex<BTreeMap<Which, Failure>>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Which {
    /// The EC2 credential of a lease that is over.
    Lease(LeaseId),
    /// The credentials of somebody who was removed, by the deletion's number in the database.
    Removed(i64),
}

#[derive(Debug)]
struct Failure {
    tries: u32,
    /// When it is tried next.
    due: Timestamp,
    /// Whether Keystone was away; otherwise it refused.
    away: bool,
}

impl Failing {
    /// Returns those of `candidates` that are to be tried now. What never failed comes first, so that
    /// what always fails keeps nothing waiting.
    fn due<T>(
        &self,
        mut candidates: Vec<T>,
        which: impl Fn(&T) -> Which,
        now: Timestamp,
    ) -> Vec<T> {
        let all = lock(&self.0);
        candidates.retain(|one| {
            all.get(&which(one))
                .is_none_or(|failure| failure.due <= now)
        });
        candidates.sort_by_key(|one| all.get(&which(one)).map_or(0, |failure| failure.tries));
        candidates
    }

    /// Notes a failure. Only the first of its kind is a warning: the others have the same cause.
    fn failed(&self, which: Which, now: Timestamp, error: &PortError, refused_here: bool) {
        let away = matches!(error, PortError::Away(_));
        let mut all = lock(&self.0);
        let is_new = !all.values().any(|failure| failure.away == away);
        let failure = all.entry(which).or_insert(Failure {
            tries: 0,
            due: now,
            away,
        });
        let wait = FIRST_RETRY_INTERVAL
            .saturating_mul(1 << failure.tries.min(16))
            .min(MAX_RETRY_INTERVAL);
        failure.tries += 1;
        failure.due = now + wait;
        failure.away = away;
        if !is_new {
            tracing::debug!(%error, "an EC2 credential could not be deleted; trying again");
        } else if refused_here {
            tracing::warn!(%error, "EC2 credentials of leases that are over, or of people who were removed, cannot be deleted at Keystone; they are refused here all the same. Trying again until it is done");
        } else {
            tracing::warn!(%error, "EC2 credentials of leases that are over, or of people who were removed, cannot be deleted at Keystone, and the object store goes on accepting them. Trying again until it is done");
        }
    }

    /// Notes that there is nothing more to do. Returns whether it had failed.
    fn done(&self, which: &Which) -> bool {
        let mut all = lock(&self.0);
        let had_failed = all.remove(which).is_some();
        if had_failed && all.is_empty() {
            tracing::info!(
                "EC2 credentials can be deleted at Keystone again, and none is left over"
            );
        }
        had_failed
    }
}

impl Ec2Deletions {
    /// Deletes the EC2 credentials of leases that are over. What fails is tried again later. Returns
    /// how many were deleted.
    pub(crate) async fn delete_ended(&self) -> Result<usize, DatabaseError> {
        let mut deleted = 0;
        if !self.are_done() {
            return Ok(deleted);
        }
        let now = self.clock.now();
        let over = self.database.ended_ec2_leases(now).await?;
        let of = |row: &LeaseRecord| Which::Lease(row.lease.id.clone());
        for row in self.failing.due(over, of, now) {
            let which = of(&row);
            let Some(user) = &row.keystone_user else {
                continue;
            };
            match self.ec2.delete(user, &row.lease.access_key_id).await {
                Ok(()) => {
                    let now = self.clock.now();
                    let noted = self.database.ec2_deleted(&row.lease.id, now).await?;
                    self.failing.done(&which);
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
    /// here, unless they are members again.
    pub(crate) async fn delete_of_removed(&self) -> Result<(), DatabaseError> {
        if !self.are_done() {
            return Ok(());
        }
        let now = self.clock.now();
        let left = self.database.pending_deletions().await?;
        let of = |(number, _): &(i64, PendingDeletion)| Which::Removed(*number);
        let left = self.failing.due(left, of, now);
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
                self.failing.done(&which);
                continue;
            }
            let now = self.clock.now();
            let claimed = self
                .database
                .claim_deletion(number, left.since, now, now + CLAIM_TIME)
                .await?;
            if !claimed {
                continue;
            }
            match self.delete_of(&left).await {
                Ok(count) => {
                    let had_failed = self.failing.done(&which);
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
    pub(crate) fn are_done(&self) -> bool {
        self.store != Store::Ceph { deletes_ec2: false }
    }

    /// Warns an operator who configured no administrator.
    pub(crate) fn warn_if_not_deleted(&self) {
        if !self.are_done() {
            tracing::warn!(
                "[keystone.admin_user] is not configured, so EC2 credentials of people who are removed are not deleted: Echo goes on accepting them until somebody deletes them in OpenStack. They are remembered, and deleted once an administrator is configured"
            );
        }
    }

    /// Returns whose EC2 credentials, in which project, are to be deleted after the removal of a lease's
    /// owner: also if the lease is by the backend user, since what they made in OpenStack is not known.
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

    /// Whether a live lease shows that they may have EC2 credentials for the project again.
    fn is_back(&self, left: &PendingDeletion, row: &LeaseRecord) -> bool {
        let survey = self.surveys.named(row.lease.survey.as_str());
        row.lease.subject == left.subject
            && survey.is_some_and(|survey| *survey.project(row.lease.access) == left.project)
    }

    /// Deletes all that they have for the project. Returns how many there were.
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
            request_id: None,
        }
    }

    /// Notes a failure. The others wait for the next round: Keystone is mostly away for them, too, or the
    /// password wrong, and the watch must not wait for each.
    fn could_not_delete(&self, which: Which, error: &PortError) {
        let refused_here = self.store == Store::Ours;
        self.failing
            .failed(which, self.clock.now(), error, refused_here);
    }
}
