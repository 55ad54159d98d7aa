//! What runs in the background for the backend user's EC2 credentials, the administrator and the
//! proofs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::Broker;

/// Poll interval.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

impl Broker {
    /// Runs a round every 5 s until `stop` turns true.
    pub async fn upkeep(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            self.upkeep_once().await;
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                changed = stop.wait_for(|stop| *stop) => {
                    let _ = changed; // the sender is gone: stop, too
                    return;
                }
            }
        }
    }

    /// Runs one round: checks that Keystone accepts the administrator, keeps credentials warm that
    /// are in use, replaces old ones, deletes unused ones and strays, and proves again what is due.
    /// What fails is logged and due again in the next round.
    pub async fn upkeep_once(&self) {
        self.administrator.check().await;
        self.backend_keys.upkeep(&self.surveys).await;
        self.proofs.prove_again().await;
    }
}
