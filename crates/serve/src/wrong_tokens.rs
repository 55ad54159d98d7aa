//! A limit on wrong tokens: a client that tries many different ones is blocked for a while, with any
//! token. One expired token that is sent many times counts once.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Mutex;

use skykey_types::{Secret, SignedDuration, Timestamp};

use crate::ClientAddr;

/// The limit of different wrong tokens from one address within the window.
const MAX_WRONG_TOKENS: usize = 300;
/// The window.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// The limit of addresses; above it all are dropped.
const MAX_ADDRESSES: usize = 10_000;

/// The wrong tokens of each address since its window began, as keyed hashes.
#[derive(Debug, Default)]
pub struct WrongTokens {
    hasher: RandomState,
    seen: Mutex<HashMap<ClientAddr, (Timestamp, HashSet<u64>)>>,
}

/// The client is over the limit; the message is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_WRONG_TOKENS} different tokens from your address were wrong")]
pub struct TooManyWrong;

impl WrongTokens {
    /// Fails if the client is over the limit, until its window ends. Call it before the token is checked,
    /// which is the expensive part.
    pub fn admit(&self, client: ClientAddr, now: Timestamp) -> Result<(), TooManyWrong> {
        let seen = self.seen.lock().expect("nobody panics while holding it");
        match seen.get(&client) {
            Some((since, tokens)) if tokens.len() >= MAX_WRONG_TOKENS && is_within(*since, now) => {
                Err(TooManyWrong)
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong token.
    pub fn count(&self, client: ClientAddr, token: &Secret, now: Timestamp) {
        let token = self.hasher.hash_one(token.expose());
        let mut seen = self.seen.lock().expect("nobody panics while holding it");
        if seen.len() >= MAX_ADDRESSES && !seen.contains_key(&client) {
            seen.clear();
        }
        let (since, tokens) = seen.entry(client).or_insert_with(|| (now, HashSet::new()));
        if !is_within(*since, now) {
            *since = now;
            tokens.clear();
        }
        if tokens.len() < MAX_WRONG_TOKENS {
            tokens.insert(token);
        }
    }
}

fn is_within(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since).abs() < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> ClientAddr {
        ClientAddr(address.parse().unwrap())
    }

    #[test]
    fn many_different_wrong_tokens_shut_an_address_out_for_a_minute_and_no_other() {
        let wrong = WrongTokens::default();
        let [first, other] = ["192.0.2.1", "192.0.2.2"].map(client);
        let now = Timestamp::UNIX_EPOCH;
        for number in 0..MAX_WRONG_TOKENS {
            assert!(wrong.admit(first, now).is_ok());
            wrong.count(first, &Secret::new(number.to_string()), now);
        }
        assert_eq!(wrong.admit(first, now), Err(TooManyWrong));
        assert!(wrong.admit(other, now).is_ok());
        assert!(wrong.admit(first, now + WINDOW).is_ok());
    }

    #[test]
    fn a_token_that_has_ended_counts_once_however_often_it_comes() {
        let wrong = WrongTokens::default();
        let client = client("2001:db8::1");
        for _ in 0..10 * MAX_WRONG_TOKENS {
            wrong.count(client, &Secret::new("one"), Timestamp::UNIX_EPOCH);
        }
        assert!(wrong.admit(client, Timestamp::UNIX_EPOCH).is_ok());
    }
}
