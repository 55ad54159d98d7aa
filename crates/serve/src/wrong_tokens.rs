//! Wrong tokens: a client that tries many of them is not listened to for a while, whatever it brings. Somebody
//! who goes on with one token that has ended counts once.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Mutex;

use skykey_types::{Secret, SignedDuration, Timestamp};

use crate::ClientAddr;

/// So many different ones from one address …
const MOST: usize = 300;
/// … within this.
const WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// How many addresses are remembered; beyond it all are forgotten.
const ADDRESSES: usize = 10_000;

/// The different wrong tokens of each address, since its window began. It holds none of them, only a keyed
/// hash of each.
#[derive(Debug, Default)]
pub struct WrongTokens {
    hasher: RandomState,
    seen: Mutex<HashMap<ClientAddr, (Timestamp, HashSet<u64>)>>,
}

/// The client has tried too many; its message is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{MOST} different tokens from your address were wrong")]
pub struct TooManyWrong;

impl WrongTokens {
    /// Refuses whoever has tried too many within a minute, until the minute is over. Ask before a token is
    /// looked at: looking is what costs.
    pub fn admit(&self, client: ClientAddr, now: Timestamp) -> Result<(), TooManyWrong> {
        let seen = self.seen.lock().expect("nobody panics while holding it");
        match seen.get(&client) {
            Some((since, tokens)) if tokens.len() >= MOST && is_within(*since, now) => {
                Err(TooManyWrong)
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong one.
    pub fn count(&self, client: ClientAddr, token: &Secret, now: Timestamp) {
        let token = self.hasher.hash_one(token.expose());
        let mut seen = self.seen.lock().expect("nobody panics while holding it");
        if seen.len() >= ADDRESSES && !seen.contains_key(&client) {
            seen.clear();
        }
        let (since, tokens) = seen.entry(client).or_insert_with(|| (now, HashSet::new()));
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

    fn client(address: &str) -> ClientAddr {
        ClientAddr(address.parse().unwrap())
    }

    #[test]
    fn many_different_wrong_tokens_shut_an_address_out_for_a_minute_and_no_other() {
        let wrong = WrongTokens::default();
        let [first, other] = ["192.0.2.1", "192.0.2.2"].map(client);
        let now = Timestamp::UNIX_EPOCH;
        for number in 0..MOST {
            assert!(wrong.admit(first, now).is_ok());
            wrong.count(first, &Secret::new(number.to_string()), now);
        }
        assert_eq!(wrong.admit(first, now), Err(TooManyWrong));
        assert!(wrong.admit(other, now).is_ok());
        assert!(wrong.admit(first, now + WITHIN).is_ok());
    }

    #[test]
    fn a_token_that_has_ended_counts_once_however_often_it_comes() {
        let wrong = WrongTokens::default();
        let client = client("2001:db8::1");
        for _ in 0..10 * MOST {
            wrong.count(client, &Secret::new("one"), Timestamp::UNIX_EPOCH);
        }
        assert!(wrong.admit(client, Timestamp::UNIX_EPOCH).is_ok());
    }
}
