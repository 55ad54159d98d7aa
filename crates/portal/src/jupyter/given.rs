//! What each token was given last: while the hub is away, a notebook server gets that again, and nothing
//! that it does not have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_broker::{Caller, Issued, Wish};
use skykey_types::{LeaseId, Timestamp};

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
    lease: LeaseId,
    expires: Option<Timestamp>,
}

impl Given {
    pub(super) fn keep(
        &self,
        token: TokenHash,
        asked: Option<String>,
        caller: Caller,
        wish: Wish,
        issued: &Issued,
        now: Timestamp,
    ) {
        let mut map = self.0.lock().expect("nobody panics while holding it");
        if map.len() >= MOST {
            map.retain(|_, last| last.expires.is_some_and(|end| end > now));
        }
        if map.len() < MOST {
            let last = Last {
                caller,
                wish,
                lease: issued.lease.id.clone(),
                expires: issued.lease.expires,
            };
            map.insert((token, asked), last);
        }
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
            .hand_out_same(&last.caller, &last.wish, &last.lease)
            .await?;
        Some(told(portal, &last.caller, outcome).await)
    }
}
