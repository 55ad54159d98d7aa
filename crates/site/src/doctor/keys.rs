//! The EC2 credentials of the backend user that an examination makes, and their end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use skykey_types::{AccessKeyId, Credentials, ProjectName};
use tokio_util::task::TaskTracker;

use crate::Borrowed;
use crate::systems::SiteClients;
use skykey_checks::report::Check;
use skykey_checks::section::Because;

/// Whatever is made is in here, until it is deleted.
pub(super) struct Keys {
    clients: SiteClients,
    /// One for each project, for all who look at it: a gateway that meets a credential for the first time
    /// asks Keystone, which takes half a second.
    shared: tokio::sync::Mutex<BTreeMap<ProjectName, Result<Credentials, Because>>>,
    made: Arc<Mutex<Made>>,
    /// What must not be left in the middle.
    under_way: TaskTracker,
}

#[derive(Default)]
struct Made {
    live: Vec<Borrowed>,
    count: usize,
    left: Vec<String>,
}

impl Keys {
    pub(super) fn new(clients: SiteClients) -> Self {
        Self {
            clients,
            shared: tokio::sync::Mutex::default(),
            made: Arc::default(),
            under_way: TaskTracker::new(),
        }
    }

    /// Does `work` to its end, even if whoever waits for it goes away.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        match self.under_way.spawn(work).await {
            Ok(done) => done,
            // It is never cancelled.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The credential of `project` that all share.
    pub(super) async fn of(&self, project: &ProjectName) -> Result<Credentials, Because> {
        let mut shared = self.shared.lock().await;
        if let Some(known) = shared.get(project) {
            return known.clone();
        }
        let made = self.take(project).await.map_err(|error| {
            tracing::debug!(%project, "no EC2 credential: {error:#}");
            Because(format!(
                "the backend user gets no EC2 credential for {project}"
            ))
        });
        shared.insert(project.clone(), made.clone());
        made
    }

    /// A credential of one's own.
    pub(super) async fn take(&self, project: &ProjectName) -> anyhow::Result<Credentials> {
        let (clients, made, project) = (self.clients.clone(), self.made.clone(), project.clone());
        self.to_the_end(async move {
            let taken = Borrowed::take(&clients, &project).await?;
            let credentials = taken.credentials();
            let mut made = lock(&made);
            made.count += 1;
            made.live.push(taken);
            Ok(credentials)
        })
        .await
    }

    /// Deletes one before the end.
    pub(super) async fn delete(&self, access: &AccessKeyId) -> anyhow::Result<()> {
        let (clients, made, access) = (self.clients.clone(), self.made.clone(), access.clone());
        self.to_the_end(async move {
            let found = {
                let mut made = lock(&made);
                let position = made.live.iter().position(|key| *key.access() == access);
                position.map(|position| made.live.swap_remove(position))
            };
            let Some(key) = found else { return Ok(()) };
            let outcome = key.give_back(&clients).await;
            if outcome.is_err() {
                lock(&made).live.push(key);
            }
            outcome
        })
        .await
    }

    /// Notes what another has made and could not take away.
    pub(super) fn left(&self, what: impl IntoIterator<Item = String>) {
        lock(&self.made).left.extend(what);
    }

    /// Waits for what is under way, deletes everything, and says so.
    pub(super) async fn give_all_back(&self) -> Check {
        let begun = Instant::now();
        self.under_way.close();
        self.under_way.wait().await;
        let Made {
            live,
            count,
            mut left,
        } = std::mem::take(&mut *lock(&self.made));
        for key in live {
            if let Err(error) = key.give_back(&self.clients).await {
                left.push(format!("{error:#}"));
            }
        }
        let (found, remedy) = if left.is_empty() {
            let found = match count {
                0 => "nothing was made".to_owned(),
                1 => "1 EC2 credential was made, and deleted".to_owned(),
                count => format!("{count} EC2 credentials were made, and deleted"),
            };
            (found, None)
        } else {
            let remedy = "delete it by hand (openstack ec2 credentials delete, as the backend user; objects with a curator's credentials), or let a running skykey sweep EC2 credentials within the hour";
            (left.join("; "), Some(remedy.to_owned()))
        };
        Check {
            name: "nothing-left-behind".to_owned(),
            ok: remedy.is_none(),
            took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            found,
            remedy,
        }
    }
}

fn lock(made: &Mutex<Made>) -> std::sync::MutexGuard<'_, Made> {
    made.lock().expect("nobody panics while holding it")
}
