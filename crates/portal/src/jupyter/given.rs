//! The credentials that each token got last. While the hub or another system is down, a notebook server
//! gets these again, and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_broker::{Caller, Issued, Wish};
use skykey_types::Timestamp;

use super::{Asked, TokenHash, explained};
use crate::Portal;
use crate::error::Problem;

/// The limit of entries.
const MAX_ENTRIES: usize = 10_000;

type Key = (TokenHash, Option<String>);

/// The last credentials by token and requested survey.
#[derive(Default)]
pub(crate) struct Given(Mutex<HashMap<Key, Last>>);

#[derive(Clone)]
struct Last {
    caller: Caller,
    wish: Wish,
    issued: Arc<Issued>,
}

impl Last {
    fn lives(&self, now: Timestamp) -> bool {
        self.issued.lease.expires.is_some_and(|end| end > now)
    }
}

impl Given {
    pub(super) fn keep(
        &self,
        token: TokenHash,
        asked: Option<String>,
        caller: Caller,
        wish: Wish,
        issued: &Arc<Issued>,
        now: Timestamp,
    ) {
        let mut map = self.0.lock().expect("nobody panics while holding it");
        if map.len() >= MAX_ENTRIES {
            map.retain(|_, last| last.lives(now));
        }
        if map.len() < MAX_ENTRIES {
            let last = Last {
                caller,
                wish,
                issued: issued.clone(),
            };
            map.insert((token, asked), last);
        }
    }

    /// Whether the token has live credentials.
    pub(super) fn knows(&self, token: &TokenHash, asked: &Asked, now: Timestamp) -> bool {
        let map = self.0.lock().expect("nobody panics while holding it");
        map.get(&(*token, asked.survey.clone()))
            .is_some_and(|last| last.lives(now))
    }

    /// Drops the entries of a token that the hub no longer knows.
    pub(super) fn forget(&self, token: &TokenHash) {
        let mut map = self.0.lock().expect("nobody panics while holding it");
        map.retain(|(known, _), _| known != token);
    }

    /// Hands out the token's live credentials again, if it has any.
    pub(super) async fn again(
        &self,
        portal: &Portal,
        token: &TokenHash,
        asked: &Asked,
    ) -> Option<Result<Arc<Issued>, Problem>> {
        let key = (*token, asked.survey.clone());
        let last = self
            .0
            .lock()
            .expect("nobody panics while holding it")
            .get(&key)
            .cloned()?;
        let outcome = portal
            .broker
            .hand_out_same(&last.caller, &last.wish, &last.issued)
            .await?;
        Some(explained(portal, &last.caller, outcome).await)
    }
}
