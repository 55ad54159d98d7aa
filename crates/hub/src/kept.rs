//! What the hub said lately.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_types::{SignedDuration, Timestamp};

use crate::HubUser;

/// How long a yes is believed: so much later than at the hub a stopped server's token ends here.
pub const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// How many are kept.
const MOST: usize = 10_000;

/// The SHA-256 of a token.
pub(crate) type Digest = [u8; 32];

/// Held by whoever asks the hub about one token.
pub(crate) type Gate = Arc<tokio::sync::Mutex<()>>;

#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    users: HashMap<Digest, (Timestamp, Arc<HubUser>)>,
    gates: HashMap<Digest, Gate>,
}

impl Kept {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }

    pub(crate) fn find(&self, token: &Digest, now: Timestamp) -> Option<Arc<HubUser>> {
        let mut state = self.state();
        let (at, user) = state.users.get(token)?;
        if is_young(*at, now) {
            return Some(user.clone());
        }
        state.users.remove(token);
        None
    }

    pub(crate) fn keep(&self, token: Digest, now: Timestamp, user: Arc<HubUser>) {
        let mut state = self.state();
        if state.users.len() >= MOST {
            state.users.retain(|_, (at, _)| is_young(*at, now));
        }
        if state.users.len() < MOST {
            state.users.insert(token, (now, user));
        }
    }

    /// The gate of one token; those that nobody holds are forgotten.
    pub(crate) fn gate(&self, token: Digest) -> Gate {
        let mut state = self.state();
        if !state.gates.contains_key(&token) && state.gates.len() >= 64 {
            state.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        state.gates.entry(token).or_default().clone()
    }
}

/// A clock that was set back makes nothing young.
fn is_young(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() < KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_answers_nor_gates_grow_without_end() {
        let kept = Kept::default();
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
        for number in 0..=MOST {
            kept.keep(token(number), start, user.clone());
            drop(kept.gate(token(number)));
        }
        assert_eq!(kept.state().users.len(), MOST);
        assert!(kept.state().gates.len() <= 64);
        assert!(
            Arc::ptr_eq(&held, &kept.gate(token(0))),
            "one that is held stays"
        );
        kept.keep(token(MOST), start + KEPT, user);
        assert_eq!(kept.state().users.len(), 1, "the old ones went");
    }
}
