//! The cache of token owners.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_types::{SignedDuration, Timestamp};

use crate::HubUser;

/// How long a positive answer is cached, and so how much later a stopped server's token is rejected.
pub const CACHE_TTL: SignedDuration = SignedDuration::from_secs(30);
/// The limit of cached users.
const MAX_USERS: usize = 10_000;

/// The SHA-256 of a token.
pub(crate) type Digest = [u8; 32];

/// The lock of the one task that asks the hub about a token.
pub(crate) type Gate = Arc<tokio::sync::Mutex<()>>;

#[derive(Debug, Default)]
pub(crate) struct UserCache(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    users: HashMap<Digest, (Timestamp, Arc<HubUser>)>,
    gates: HashMap<Digest, Gate>,
}

impl UserCache {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }

    pub(crate) fn find(&self, token: &Digest, now: Timestamp) -> Option<Arc<HubUser>> {
        let mut state = self.state();
        let (at, user) = state.users.get(token)?;
        if is_fresh(*at, now) {
            return Some(user.clone());
        }
        state.users.remove(token);
        None
    }

    pub(crate) fn keep(&self, token: Digest, now: Timestamp, user: Arc<HubUser>) {
        let mut state = self.state();
        if state.users.len() >= MAX_USERS {
            state.users.retain(|_, (at, _)| is_fresh(*at, now));
        }
        if state.users.len() < MAX_USERS {
            state.users.insert(token, (now, user));
        }
    }

    /// Returns the lock of a token; unused ones are dropped.
    pub(crate) fn gate(&self, token: Digest) -> Gate {
        let mut state = self.state();
        if !state.gates.contains_key(&token) && state.gates.len() >= 64 {
            state.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        state.gates.entry(token).or_default().clone()
    }
}

/// Whether a cached answer is still valid, also after the clock was set back.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() < CACHE_TTL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_answers_nor_gates_grow_without_end() {
        let kept = UserCache::default();
        let start = Timestamp::UNIX_EPOCH;
        let user = Arc::new(HubUser {
            name: "ada".to_owned(),
            server: None,
            groups: Vec::new(),
            kind: "user".to_owned(),
            token_id: None,
        });
        let token = |number: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            digest
        };
        let held = kept.gate(token(0));
        for number in 0..=MAX_USERS {
            kept.keep(token(number), start, user.clone());
            drop(kept.gate(token(number)));
        }
        assert_eq!(kept.state().users.len(), MAX_USERS);
        assert!(kept.state().gates.len() <= 64);
        assert!(
            Arc::ptr_eq(&held, &kept.gate(token(0))),
            "one that is held stays"
        );
        kept.keep(token(MAX_USERS), start + CACHE_TTL, user);
        assert_eq!(kept.state().users.len(), 1, "the old ones went");
    }
}
