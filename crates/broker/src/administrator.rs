//! Whether Keystone accepts the configured administrator. Without it the EC2 credentials of people
//! who are removed stay, and that would show only on the day when somebody is: so it is checked
//! beforehand.

use std::sync::{Arc, Mutex};

use skykey_types::{Clock, SignedDuration, Timestamp, lock};

use crate::{Ec2Keys, PortError};

/// Retry interval after a refusal. Some Keystones lock out who fails too often.
const RETRY_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// The administrator's login at Keystone.
pub(crate) struct Administrator {
    ec2: Arc<dyn Ec2Keys>,
    clock: Arc<dyn Clock>,
    refusal: Mutex<Option<Refusal>>,
}

#[derive(Debug, Clone)]
struct Refusal {
    since: Timestamp,
    tried: Timestamp,
    why: String,
}

impl Administrator {
    pub(crate) fn new(ec2: Arc<dyn Ec2Keys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            ec2,
            clock,
            refusal: Mutex::default(),
        }
    }

    /// Returns since when Keystone refuses the administrator, and what it said. Sends no request.
    pub(crate) fn refused(&self) -> Option<(Timestamp, String)> {
        lock(&self.refusal)
            .as_ref()
            .map(|refusal| (refusal.since, refusal.why.clone()))
    }

    /// Logs the administrator in, if it has no token any more.
    pub(crate) async fn check(&self) {
        let now = self.clock.now();
        let before = lock(&self.refusal).clone();
        if before
            .as_ref()
            .is_some_and(|refusal| now.duration_since(refusal.tried).abs() < RETRY_INTERVAL)
        {
            return;
        }
        let found = match self.ec2.administrator().await {
            Ok(()) => {
                if before.is_some() {
                    tracing::info!("Keystone lets [keystone.admin_user] in again");
                }
                None
            }
            // That Keystone is away says nothing about the administrator, and is reported elsewhere.
            Err(PortError::Away(_)) => return,
            Err(PortError::Refused(why) | PortError::BadKey(why)) => {
                tracing::warn!(%why, "the EC2 credentials of people who are removed cannot be deleted: Keystone refuses \
                    [keystone.admin_user]; compare its name, password, domain and project with Keystone, then start \
                    skykey again");
                Some(Refusal {
                    since: before.map_or(now, |refusal| refusal.since),
                    tried: now,
                    why,
                })
            }
        };
        *lock(&self.refusal) = found;
    }
}
