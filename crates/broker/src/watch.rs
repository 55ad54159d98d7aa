//! The membership watch: people who left the group lose their leases.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use skykey_types::{LeaseEnd, SubjectId};
use tokio::sync::watch;

use crate::database::LeaseRecord;
use crate::membership::Answer;
use crate::{Broker, DatabaseError};

/// How many people the IAM is asked about at a time.
const MAX_CONCURRENT: usize = 8;

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
    /// Runs a round every `watch_every` until `stop` turns true.
    pub async fn watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        self.ec2_deletions.warn_if_not_deleted();
        let every =
            Duration::try_from(self.settings.watch_every).unwrap_or(Duration::from_secs(30));
        loop {
            match self.watch_once().await {
                Ok(report) if report.unanswered > 0 => {
                    tracing::warn!(
                        people = report.people,
                        unanswered = report.unanswered,
                        "the membership watch got no answer about some people; their leases go on"
                    );
                }
                Ok(report) => tracing::debug!(
                    people = report.people,
                    revoked = report.revoked,
                    "membership watch"
                ),
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
        let mut of_person: BTreeMap<SubjectId, Vec<LeaseRecord>> = BTreeMap::new();
        for row in self.database.live_leases(self.clock.now()).await? {
            of_person
                .entry(row.lease.subject.clone())
                .or_default()
                .push(row);
        }
        let people = of_person.len();
        // A few at a time: an IAM that hangs on one must not keep the others waiting.
        let rounds: Vec<Result<Look, DatabaseError>> = futures::stream::iter(of_person)
            .map(|(id, rows)| self.look_at(id, rows))
            .buffer_unordered(MAX_CONCURRENT)
            .collect()
            .await;
        let mut report = WatchReport {
            people,
            ..WatchReport::default()
        };
        for look in rounds {
            match look? {
                Look::Silence => report.unanswered += 1,
                Look::Revoked(count) => report.revoked += count,
            }
        }
        // Refusing comes first, for everybody; then Keystone is tidied up.
        self.ec2_deletions.delete_of_removed().await?;
        self.sweep().await?;
        let now = self.clock.now();
        self.revocations.prune();
        self.hand_outs.prune(now);
        self.reinstatements.prune(now);
        self.metrics.watched(now);
        Ok(report)
    }

    /// Asks about one person and revokes what the answer no longer allows.
    async fn look_at(&self, id: SubjectId, rows: Vec<LeaseRecord>) -> Result<Look, DatabaseError> {
        let person = match self.membership.ask(&id, None).await {
            Answer::Person(person) => Some(person),
            Answer::NoAccount => None,
            Answer::Silence(why) => {
                tracing::warn!(%id, %why, "the IAM does not answer");
                return Ok(Look::Silence);
            }
            // Nothing is known of them: their leases end by themselves.
            Answer::LoginEnded => return Ok(Look::Silence),
        };
        let mut revoked = 0;
        for row in rows {
            // A survey that is no longer configured admits nobody.
            let survey = self.surveys.named(row.lease.survey.as_str());
            let admitted = person
                .as_ref()
                .filter(|person| !self.membership.has_ended(person));
            let access = admitted
                .zip(survey)
                .and_then(|(person, survey)| survey.access_of(person));
            if access >= Some(row.lease.access) {
                continue;
            }
            let reason = match &person {
                None => "the IAM has no such account any more".to_owned(),
                Some(person) if !person.active => "the account is disabled".to_owned(),
                Some(person) if self.membership.has_ended(person) => {
                    "the account has ended".to_owned()
                }
                Some(_) => format!(
                    "no longer in a group that may {} {}",
                    row.lease.access, row.lease.survey
                ),
            };
            self.revoke(&row, LeaseEnd::Removed, &reason, None).await?;
            // Who may still read keeps their notebook.
            if access.is_none() {
                self.notebook_stops.add(&row, &reason);
            }
            let lease = &row.lease;
            if self.ec2_deletions.are_done() {
                tracing::info!(lease = %lease.id, username = lease.username, survey = %lease.survey, %reason, "lease revoked");
            } else {
                tracing::info!(lease = %lease.id, username = lease.username, survey = %lease.survey, %reason, "lease revoked; without [keystone.admin_user] the EC2 credentials that its owner may have go on until somebody deletes them in OpenStack");
            }
            revoked += 1;
        }
        Ok(Look::Revoked(revoked))
    }
}

/// What looking at one person came to.
enum Look {
    /// The IAM did not answer.
    Silence,
    /// So many leases were revoked.
    Revoked(usize),
}
