//! What each token was given last: while the hub or another system is away, a notebook server gets that
//! again, and nothing that it does not have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_broker::{Caller, Issued, Wish};
use skykey_types::Timestamp;

use super::{Asked, TokenHash, told};
use crate::Portal;
use crate::error::Problem;

/// How many are remembered.
const MOST: usize = 10_000;

type Key = (TokenHash, Option<String>);

/// By the token and the survey that it asked for.
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
        if map.len() >= MOST {
            map.retain(|_, last| last.lives(now));
        }
        if map.len() < MOST {
            let last = Last {
                caller,
                wish,
                issued: issued.clone(),
            };
            map.insert((token, asked), last);
        }
    }

    /// Whether the token was given something that has not ended.
    pub(super) fn knows(&self, token: &TokenHash, asked: &Asked, now: Timestamp) -> bool {
        let map = self.0.lock().expect("nobody panics while holding it");
        map.get(&(*token, asked.survey.clone()))
            .is_some_and(|last| last.lives(now))
    }

    /// The hub no longer knows the token.
    pub(super) fn forget(&self, token: &TokenHash) {
        let mut map = self.0.lock().expect("nobody panics while holding it");
        map.retain(|(known, _), _| known != token);
    }

    /// The same again, if the token was given something that still works.
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
        Some(told(portal, &last.caller, outcome).await)
    }
}
