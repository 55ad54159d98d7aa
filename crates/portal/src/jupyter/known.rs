//! Whose each token is, and which lease it was given last. While the hub or another system is away, a
//! notebook server gets the same credentials again, and none that it does not have. The credentials
//! themselves are in the broker's memory alone, where a revocation reaches them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_broker::{Caller, Issued, LeaseRequest};
use skykey_types::{Lease, RequestId, Timestamp, lock};

use super::{Query, TokenHash, explained};
use crate::Portal;
use crate::error::Problem;

const MAX_TOKENS: usize = 10_000;

type Key = (TokenHash, Option<String>);

/// By the token and the survey that it asked for.
#[derive(Default)]
pub(crate) struct KnownTokens(Mutex<HashMap<Key, Known>>);

#[derive(Clone)]
struct Known {
    caller: Caller,
    request: LeaseRequest,
    lease: Lease,
}

impl Known {
    fn lives(&self, now: Timestamp) -> bool {
        self.lease.expires.is_some_and(|end| end > now)
    }
}

impl KnownTokens {
    pub(super) fn keep(
        &self,
        token: TokenHash,
        survey: Option<String>,
        caller: Caller,
        request: LeaseRequest,
        lease: Lease,
        now: Timestamp,
    ) {
        let mut map = lock(&self.0);
        if map.len() >= MAX_TOKENS {
            map.retain(|_, known| known.lives(now));
        }
        if map.len() < MAX_TOKENS {
            let known = Known {
                caller,
                request,
                lease,
            };
            map.insert((token, survey), known);
        }
    }

    /// Whether the token was given a lease that has not ended.
    pub(super) fn has_lease(&self, token: &TokenHash, query: &Query, now: Timestamp) -> bool {
        lock(&self.0)
            .get(&(*token, query.survey.clone()))
            .is_some_and(|known| known.lives(now))
    }

    /// The hub no longer knows the token.
    pub(super) fn forget(&self, token: &TokenHash) {
        lock(&self.0).retain(|(known, _), _| known != token);
    }

    /// Returns the same credentials again, if the token was given some that still work.
    pub(super) async fn hand_out_again(
        &self,
        portal: &Portal,
        token: &TokenHash,
        query: &Query,
        request_id: &RequestId,
    ) -> Option<Result<Arc<Issued>, Problem>> {
        let key = (*token, query.survey.clone());
        let known = lock(&self.0).get(&key).cloned()?;
        let outcome = portal
            .broker
            .hand_out_same(&known.caller, &known.request, &known.lease, request_id)
            .await?;
        Some(explained(portal, &known.caller, outcome).await)
    }
}
