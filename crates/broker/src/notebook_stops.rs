//! Stopping the notebook servers of people who were removed, where a site wants that.
//!
//! It runs beside the membership watch, since a hub answers only when a server has ended. What fails
//! is tried again, less and less often, for an hour. Whose servers are to be stopped is in memory
//! only: after a restart they continue, without credentials.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use skykey_types::{Clock, SignedDuration, SubjectId, SurveyName, Timestamp, lock};
use tokio::sync::{Notify, watch};

use crate::database::{Audit, Database, DatabaseError, LeaseRecord};
use crate::{NotebookServers, PortError};

/// Poll interval while somebody's servers are to be stopped.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Retry interval after the first failure; it doubles with each further one.
const FIRST_RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// Longest retry interval.
const MAX_RETRY_INTERVAL: SignedDuration = SignedDuration::from_mins(5);
/// How long after a removal stopping is tried.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// How many people's servers are stopped at a time.
const MAX_CONCURRENT: usize = 4;

/// The notebook servers to be stopped.
pub(crate) struct NotebookStops {
    /// `None` if the site does not want any stopped.
    servers: Option<Arc<dyn NotebookServers>>,
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
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

impl NotebookStops {
    pub(crate) fn new(
        servers: Option<Arc<dyn NotebookServers>>,
        database: Arc<dyn Database>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            servers,
            database,
            clock,
            people: Mutex::default(),
            added: Notify::new(),
        }
    }

    /// Stops servers as they fall due until `stop` turns true. Returns at once if the site does not
    /// want any stopped.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        if self.servers.is_none() {
            return;
        }
        let work = async {
            loop {
                if let Err(error) = self.stop_due().await {
                    tracing::error!(%error, "stopping notebook servers failed; trying again");
                }
                if lock(&self.people).is_empty() {
                    self.added.notified().await;
                } else {
                    tokio::time::sleep(POLL_INTERVAL).await;
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

    /// Stops the servers that are due. Returns of how many people some were stopped.
    pub(crate) async fn stop_due(&self) -> Result<usize, DatabaseError> {
        let now = self.clock.now();
        let mut due = lock(&self.people).clone();
        due.retain(|_, leaver| leaver.due <= now);
        if due.is_empty() {
            return Ok(0);
        }
        let live = self.database.live_leases(now).await?;
        let outcomes: Vec<Result<bool, DatabaseError>> = futures::stream::iter(due)
            .map(|(id, leaver)| {
                let is_back = live.iter().any(|record| {
                    record.lease.subject == id && record.lease.survey == leaver.survey
                });
                self.stop_servers_of(id, leaver, is_back)
            })
            .buffer_unordered(MAX_CONCURRENT)
            .collect()
            .await;
        let mut stopped = 0;
        for outcome in outcomes {
            stopped += usize::from(outcome?);
        }
        Ok(stopped)
    }

    /// Notes that the servers of a revoked lease's owner are to be stopped, if the site wants it.
    pub(crate) fn add(&self, record: &LeaseRecord, reason: &str) {
        if self.servers.is_none() {
            return;
        }
        let now = self.clock.now();
        let leaver = Leaver {
            username: record.lease.username.clone(),
            survey: record.lease.survey.clone(),
            reason: reason.to_owned(),
            since: now,
            due: now,
            tries: 0,
        };
        lock(&self.people).insert(record.lease.subject.clone(), leaver);
        self.added.notify_one();
    }

    /// Forgets somebody whose servers the hub answered for, unless they were removed once more
    /// meanwhile. Not before the answer, so that nobody is forgotten if the request is given up.
    fn forget(&self, id: &SubjectId, leaver: &Leaver) {
        let mut people = lock(&self.people);
        if people
            .get(id)
            .is_some_and(|known| known.since == leaver.since)
        {
            people.remove(id);
        }
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
        let done = match outcome {
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
        self.forget(&id, &leaver);
        let Some((yes, what)) = done else {
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
            request_id: None,
        };
        self.database.audit(&audit).await?;
        Ok(yes)
    }

    fn try_again(&self, id: &SubjectId, leaver: &Leaver, now: Timestamp, error: &PortError) {
        let wait = FIRST_RETRY_INTERVAL
            .saturating_mul(1 << leaver.tries.min(16))
            .min(MAX_RETRY_INTERVAL);
        tracing::warn!(username = leaver.username, %error, again_in = wait.as_secs(), "notebook servers could not be stopped; trying again");
        if let Some(known) = lock(&self.people).get_mut(id)
            && known.since == leaver.since
        {
            known.tries += 1;
            known.due = now + wait;
        }
    }
}
