//! Stopping the notebook servers of people who were removed, where a site wants that.
//!
//! It is done beside the watch, which waits for nobody: a hub answers a stop only when the server has ended.
//! What fails is tried again, less and less often, for an hour. Who is to be stopped is in memory only:
//! after a restart their servers go on, without credentials.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::StreamExt;
use skykey_types::{SignedDuration, SubjectId, SurveyName, Timestamp};
use tokio::sync::{Notify, watch};

use crate::database::{Audit, LeaseRecord};
use crate::{Broker, DatabaseError, PortError};

/// How often it is looked whether a try is due.
const EVERY: Duration = Duration::from_secs(1);
/// After the first failure it is tried again after so long, then after twice as long …
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// … and at least so often …
const AGAIN_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// … until this much after the removal.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// How many people's servers are stopped at a time.
const AT_ONCE: usize = 4;

/// Whose servers are still to be stopped.
#[derive(Default)]
pub(crate) struct ToStop {
    people: Mutex<BTreeMap<SubjectId, Leaver>>,
    added: Notify,
}

/// Somebody who was removed.
#[derive(Debug, Clone)]
struct Leaver {
    username: String,
    survey: SurveyName,
    /// Of the removal.
    reason: String,
    since: Timestamp,
    /// When the hub is asked next.
    due: Timestamp,
    tries: u32,
}

impl ToStop {
    fn people(&self) -> MutexGuard<'_, BTreeMap<SubjectId, Leaver>> {
        self.people.lock().expect("nobody panics while holding it")
    }

    /// Only after the hub's answer, so that nobody is forgotten if asking is given up half-way; and not if
    /// they were removed once more meanwhile.
    fn forget(&self, id: &SubjectId, leaver: &Leaver) {
        let mut people = self.people();
        if people
            .get(id)
            .is_some_and(|known| known.since == leaver.since)
        {
            people.remove(id);
        }
    }
}

impl Broker {
    /// Stops servers as they fall due until `stop` turns true; returns at once if the site does not want it.
    pub async fn stop_servers(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if self.servers.is_none() {
            return;
        }
        let work = async {
            loop {
                if let Err(error) = self.stop_servers_once().await {
                    tracing::error!(%error, "stopping notebook servers failed; trying again");
                }
                if self.to_stop.people().is_empty() {
                    self.to_stop.added.notified().await;
                } else {
                    tokio::time::sleep(EVERY).await;
                }
            }
        };
        tokio::select! {
            () = work => {}
            changed = stop.wait_for(|stop| *stop) => {
                let _ = changed; // the sender is gone: stop, too
            }
        }
    }

    /// Stops the servers that are due, and says of how many people some were stopped.
    pub async fn stop_servers_once(&self) -> Result<usize, DatabaseError> {
        let now = self.clock.now();
        let mut due = self.to_stop.people().clone();
        due.retain(|_, leaver| leaver.due <= now);
        if due.is_empty() {
            return Ok(0);
        }
        let live = self.database.live_leases(now).await?;
        let outcomes: Vec<Result<bool, DatabaseError>> = futures::stream::iter(due)
            .map(|(id, leaver)| {
                let is_back = live
                    .iter()
                    .any(|row| row.lease.subject == id && row.lease.survey == leaver.survey);
                self.stop_servers_of(id, leaver, is_back)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut stopped = 0;
        for outcome in outcomes {
            stopped += usize::from(outcome?);
        }
        Ok(stopped)
    }

    /// Notes that the servers of a revoked lease's owner are to be stopped, if the site wants it.
    pub(crate) fn will_stop_servers(&self, row: &LeaseRecord, reason: &str) {
        if self.servers.is_none() {
            return;
        }
        let now = self.clock.now();
        let leaver = Leaver {
            username: row.lease.username.clone(),
            survey: row.lease.survey.clone(),
            reason: reason.to_owned(),
            since: now,
            due: now,
            tries: 0,
        };
        self.to_stop
            .people()
            .insert(row.lease.subject.clone(), leaver);
        self.to_stop.added.notify_one();
    }

    async fn stop_servers_of(
        &self,
        id: SubjectId,
        leaver: Leaver,
        is_back: bool,
    ) -> Result<bool, DatabaseError> {
        let outcome = match &self.servers {
            Some(servers) if !is_back => servers.stop_all(&id, &leaver.username).await,
            _ => Ok(0),
        };
        let now = self.clock.now();
        let username = &leaver.username;
        let told = match outcome {
            Ok(0) => None,
            Ok(count) => {
                tracing::info!(username, count, "notebook servers stopped");
                let servers = if count == 1 { "server" } else { "servers" };
                Some((true, format!("{count} notebook {servers} stopped")))
            }
            Err(error) if now.duration_since(leaver.since) < GIVE_UP_AFTER => {
                self.try_again(&id, &leaver, now, &error);
                return Ok(false);
            }
            Err(error) => {
                tracing::error!(username, %error, "notebook servers could not be stopped within an hour; they go on, without credentials");
                let no = format!("notebook servers could not be stopped within an hour: {error}");
                Some((false, no))
            }
        };
        self.to_stop.forget(&id, &leaver);
        let Some((yes, what)) = told else {
            return Ok(false);
        };
        let audit = Audit {
            at: now,
            subject: id,
            username: leaver.username,
            action: "stop-servers",
            yes,
            reason: format!("{}; {what}", leaver.reason),
            survey: Some(leaver.survey.to_string()),
            method: None,
            lease: None,
        };
        self.database.audit(&audit).await?;
        Ok(yes)
    }

    fn try_again(&self, id: &SubjectId, leaver: &Leaver, now: Timestamp, error: &PortError) {
        let wait = AGAIN_AFTER
            .saturating_mul(1 << leaver.tries.min(16))
            .min(AGAIN_WITHIN);
        tracing::warn!(username = leaver.username, %error, again_in = wait.as_secs(), "notebook servers could not be stopped; trying again");
        if let Some(known) = self.to_stop.people().get_mut(id)
            && known.since == leaver.since
        {
            known.tries += 1;
            known.due = now + wait;
        }
    }
}
