//! Wrong tokens: a client that tries many of them is not passed on to the hub for a while. A stopped server
//! that goes on asking with its one token counts once.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Mutex;

use axum::http::StatusCode;
use skykey_types::{SignedDuration, Timestamp};

use super::TokenHash;
use crate::error::Problem;

/// So many different ones from one address …
const MOST: usize = 300;
/// … within this.
const WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// How many addresses are remembered; beyond it all are forgotten.
const ADDRESSES: usize = 10_000;

/// The different wrong tokens of each address, since its window began.
#[derive(Default)]
pub(crate) struct WrongTokens(Mutex<HashMap<IpAddr, (Timestamp, HashSet<TokenHash>)>>);

impl WrongTokens {
    /// Refuses whoever has tried too many.
    pub(super) fn admit(&self, client: IpAddr, now: Timestamp) -> Result<(), Problem> {
        let map = self.0.lock().expect("nobody panics while holding it");
        match map.get(&client) {
            Some((since, tokens)) if tokens.len() >= MOST && is_within(*since, now) => {
                Err(Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many",
                    format!("{MOST} different tokens from your address were wrong"),
                    "try again in a minute",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong one.
    pub(super) fn count(&self, client: IpAddr, token: TokenHash, now: Timestamp) {
        let mut map = self.0.lock().expect("nobody panics while holding it");
        if map.len() >= ADDRESSES && !map.contains_key(&client) {
            map.clear();
        }
        let (since, tokens) = map.entry(client).or_insert_with(|| (now, HashSet::new()));
        if !is_within(*since, now) {
            *since = now;
            tokens.clear();
        }
        if tokens.len() < MOST {
            tokens.insert(token);
        }
    }
}

fn is_within(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since).abs() < WITHIN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: usize) -> TokenHash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    }

    #[test]
    fn many_different_wrong_tokens_shut_an_address_out_for_a_minute_and_no_other() {
        let wrong = WrongTokens::default();
        let [client, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let now = Timestamp::UNIX_EPOCH;
        for number in 0..MOST {
            assert!(wrong.admit(client, now).is_ok());
            wrong.count(client, token(number), now);
        }
        let problem = wrong.admit(client, now).unwrap_err();
        assert_eq!(problem.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(wrong.admit(other, now).is_ok());
        assert!(wrong.admit(client, now + WITHIN).is_ok());
    }

    #[test]
    fn a_stopped_server_that_goes_on_asking_counts_once() {
        let wrong = WrongTokens::default();
        let client = "2001:db8::1".parse().unwrap();
        for _ in 0..10 * MOST {
            wrong.count(client, token(1), Timestamp::UNIX_EPOCH);
        }
        assert!(wrong.admit(client, Timestamp::UNIX_EPOCH).is_ok());
    }
}
