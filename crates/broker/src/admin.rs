//! Whether the administrator at Keystone can do its work. Without it the EC2 credentials of people who are
//! removed stay, and that shows only on the day when somebody is: so it is looked at beforehand.

use std::sync::Mutex;

use skykey_types::{SignedDuration, Timestamp};

use crate::{Broker, PortError};

/// After a refusal it is tried again after this long: some Keystones lock out who fails too often.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct Administrator(Mutex<Option<Refusal>>);

#[derive(Debug, Clone)]
struct Refusal {
    since: Timestamp,
    tried: Timestamp,
    why: String,
}

impl Broker {
    /// Since when Keystone refuses the configured administrator, and what it says; `None` while it is let in, or
    /// there is none. Asks nobody.
    pub fn administrator_refused(&self) -> Option<(Timestamp, String)> {
        let known = self.administrator();
        known
            .as_ref()
            .map(|refusal| (refusal.since, refusal.why.clone()))
    }

    /// Lets the administrator log in, if it has no token any more.
    pub(crate) async fn look_at_administrator(&self) {
        let now = self.clock.now();
        let before = self.administrator().clone();
        if before
            .as_ref()
            .is_some_and(|refusal| now.duration_since(refusal.tried).abs() < AGAIN)
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
            // Nothing is known by it, and the systems' state says so.
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
        *self.administrator() = found;
    }

    fn administrator(&self) -> std::sync::MutexGuard<'_, Option<Refusal>> {
        self.administrator
            .0
            .lock()
            .expect("nobody panics while holding it")
    }
}
