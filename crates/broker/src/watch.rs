//! The membership watch: whoever left the group loses their leases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use futures::StreamExt;
use skykey_types::{LeaseEnd, ProjectName, SubjectId};
use tokio::sync::watch;

use crate::database::LeaseRow;
use crate::membership::Answer;
use crate::{Broker, DatabaseError, PortError};

/// How many people are asked about at a time.
const AT_ONCE: usize = 8;

/// What one round found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WatchReport {
    /// People with live leases.
    pub people: usize,
    /// Leases that were revoked.
    pub revoked: usize,
    /// People about whom the IAM did not answer; their leases go on.
    pub unanswered: usize,
}

impl Broker {
    /// Looks again and again, every `watch_every`, until `stop` turns true.
    pub async fn watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let every =
            Duration::try_from(self.settings.watch_every).unwrap_or(Duration::from_secs(30));
        loop {
            match self.watch_once().await {
                Ok(report) if report.unanswered > 0 => {
                    tracing::warn!(
                        ?report,
                        "the membership watch got no answer about some people; their leases go on"
                    );
                }
                Ok(report) => tracing::debug!(?report, "membership watch"),
                Err(error) => tracing::error!(%error, "the membership watch failed; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                changed = stop.wait_for(|stop| *stop) => {
                    let _ = changed; // the sender is gone: stop, too
                    return;
                }
            }
        }
    }

    /// One round: asks the IAM about everybody with a live lease, revokes what its answer no longer
    /// allows, deletes the EC2 credentials of leases that are over, and forgets revocations that
    /// nobody can run into any more.
    pub async fn watch_once(&self) -> Result<WatchReport, DatabaseError> {
        let mut of_person: BTreeMap<SubjectId, Vec<LeaseRow>> = BTreeMap::new();
        for row in self.database.live(self.clock.now()).await? {
            of_person
                .entry(row.lease.subject.clone())
                .or_default()
                .push(row);
        }
        let people = of_person.len();
        // A few at a time: an IAM that hangs on one must not keep the others waiting.
        let rounds: Vec<Result<Look, DatabaseError>> = futures::stream::iter(of_person)
            .map(|(id, rows)| self.look_at(id, rows))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut report = WatchReport {
            people,
            ..WatchReport::default()
        };
        for look in rounds {
            match look? {
                Look::Silence => report.unanswered += 1,
                Look::Revoked(rows) => {
                    report.revoked += rows.len();
                    self.left_over()
                        .extend(rows.iter().filter_map(|row| self.keystone_place(row)));
                }
            }
        }
        // Refusing comes first, for everybody; then Keystone is tidied up.
        self.delete_left_over().await?;
        self.sweep().await?;
        self.revocations.prune(self.clock.now());
        self.hand_outs.prune(self.clock.now());
        Ok(report)
    }

    /// Asks about one person and revokes what the answer no longer allows.
    async fn look_at(&self, id: SubjectId, rows: Vec<LeaseRow>) -> Result<Look, DatabaseError> {
        let person = match self.ask(&id, None).await {
            Answer::Person(person) => Some(person),
            Answer::Nobody => None,
            Answer::Silence(why) => {
                tracing::warn!(%id, %why, "the IAM does not answer");
                return Ok(Look::Silence);
            }
            // Nothing is known of them: their leases end by themselves.
            Answer::LoginEnded => return Ok(Look::Silence),
        };
        let mut revoked = Vec::new();
        for row in rows {
            // A survey that is no longer configured admits nobody.
            let survey = self.surveys.named(row.lease.survey.as_str());
            let admitted = person.as_ref().filter(|person| !self.has_ended(person));
            let access = admitted
                .zip(survey)
                .and_then(|(person, survey)| survey.access_of(person));
            if access >= Some(row.lease.access) {
                continue;
            }
            let reason = match &person {
                None => "the IAM has no such account any more".to_owned(),
                Some(person) if !person.active => "the account is disabled".to_owned(),
                Some(person) if self.has_ended(person) => "the account has ended".to_owned(),
                Some(_) => format!(
                    "no longer in a group that may {} {}",
                    row.lease.access, row.lease.survey
                ),
            };
            self.revoke(&row, LeaseEnd::Removed, &reason).await?;
            // Who may still read keeps their notebook.
            if access.is_none() {
                self.will_stop_servers(&row, &reason);
            }
            tracing::info!(lease = %row.lease.id, username = row.lease.username, survey = %row.lease.survey, %reason, "lease revoked");
            revoked.push(row);
        }
        Ok(Look::Revoked(revoked))
    }

    /// Whose EC2 credentials, in which project, a lease's owner may still have: also of a lease by
    /// the backend user, since nobody knows what they made in OpenStack.
    fn keystone_place(&self, row: &LeaseRow) -> Option<(Owner, ProjectName)> {
        let survey = self.surveys.named(row.lease.survey.as_str())?;
        let owner = match &row.keystone_user {
            Some(user) => Owner::User(user.clone()),
            None => Owner::Subject(row.lease.subject.clone()),
        };
        Some((owner, survey.project(row.lease.access).clone()))
    }

    /// Deletes all EC2 credentials of `owner` for `project`, and says how many there were.
    async fn delete_of(&self, owner: &Owner, project: &ProjectName) -> Result<usize, PortError> {
        let user = match owner {
            Owner::User(user) => user.clone(),
            Owner::Subject(subject) => match self.ec2.user_of(&subject.sub).await? {
                Some(user) => user,
                // They never came to OpenStack.
                None => return Ok(0),
            },
        };
        self.ec2.delete_all(&user, project).await
    }

    /// Deletes all EC2 credentials of people who were removed, also those that they made and never used
    /// here. What fails is tried again at the next round, unless they are back by then.
    async fn delete_left_over(&self) -> Result<(), DatabaseError> {
        let left: Vec<_> = self.left_over().iter().cloned().collect();
        if left.is_empty() {
            return Ok(());
        }
        let live = self.database.live(self.clock.now()).await?;
        let back: BTreeSet<_> = live
            .iter()
            .filter_map(|row| self.keystone_place(row))
            .collect();
        for place in left {
            let (owner, project) = &place;
            if !back.contains(&place) {
                match self.delete_of(owner, project).await {
                    Ok(0) => {}
                    Ok(count) => tracing::info!(?owner, %project, count, "EC2 credentials deleted"),
                    // No administrator, or none that may: nothing changes by trying again.
                    Err(error @ PortError::Refused(_)) => {
                        tracing::warn!(?owner, %project, %error, "EC2 credentials could not be deleted; they are refused here all the same");
                    }
                    Err(error) => {
                        tracing::warn!(?owner, %project, %error, "EC2 credentials could not be deleted; trying again at the next round");
                        continue;
                    }
                }
            }
            self.left_over().remove(&place);
        }
        Ok(())
    }

    fn left_over(&self) -> MutexGuard<'_, LeftOver> {
        self.left_over
            .lock()
            .expect("nobody panics while holding it")
    }
}

/// Whose EC2 credentials for a project are still to be deleted. In memory only: after a restart those of
/// their leases are deleted by the sweep, and others are not known of.
pub(crate) type LeftOver = BTreeSet<(Owner, ProjectName)>;

/// Whose EC2 credentials they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A Keystone user, by id.
    User(String),
    /// Somebody whose Keystone user, if they have one, is still to be found.
    Subject(SubjectId),
}

/// What looking at one person came to.
enum Look {
    /// The IAM did not answer.
    Silence,
    /// These leases were revoked.
    Revoked(Vec<LeaseRow>),
}
