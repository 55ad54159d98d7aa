//! The client's own token: made once for all who wait for it, renewed before it ends.

use jiff::SignedDuration;
use skykey_types::Secret;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::{Error, Keystone, ScopedToken};

/// A token with less left is not used any more.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// The token and the last failure to make one. The lock is held while Keystone makes a token, so
/// that a hundred requests wait for one login instead of making a hundred (a password costs
/// Keystone half a second of a core).
#[derive(Default)]
pub(crate) struct OwnToken(Mutex<State>);

#[derive(Default)]
struct State {
    token: Option<ScopedToken>,
    failed: Option<(Instant, Error)>,
}

impl Keystone {
    /// Our own token; another one than `refused`, if that is given.
    pub(crate) async fn own_token(&self, refused: Option<&Secret>) -> Result<Secret, Error> {
        let asked = Instant::now();
        let mut state = self.0.own.0.lock().await;
        if let Some(kept) = &state.token {
            let fresh = self.0.clock.now() < kept.expires - MARGIN;
            if fresh && refused.is_none_or(|refused| *refused != kept.token) {
                return Ok(kept.token.clone());
            }
        }
        // Who came while that login was under way shares its failure as well: otherwise
        // everybody would wait for a Keystone that hangs, one after the other.
        if let Some((when, error)) = &state.failed
            && *when >= asked
        {
            return Err(error.clone());
        }
        match self.password_token(&self.0.login).await {
            Ok(token) => {
                let secret = token.token.clone();
                *state = State {
                    token: Some(token),
                    failed: None,
                };
                Ok(secret)
            }
            Err(error) => {
                *state = State {
                    token: None,
                    failed: Some((Instant::now(), error.clone())),
                };
                Err(error)
            }
        }
    }
}
