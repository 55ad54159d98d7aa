//! The client's own token: requested once for all waiting callers, renewed before it expires.

use http::Method;
use jiff::SignedDuration;
use skykey_types::Secret;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::transport::Call;
use crate::{Error, Keystone, Token};

/// A token with less time left is not used.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// The token and the last failure to make one. The lock is held while Keystone makes a token, so
/// that a hundred requests wait for one login instead of making a hundred (a password costs
/// Keystone half a second of a core).
#[derive(Default)]
pub(crate) struct OwnToken(Mutex<State>);

#[derive(Default)]
struct State {
    token: Option<Token>,
    failed: Option<(Instant, Error)>,
}

impl Keystone {
    /// The client's own token, from the last login or a new one: who we are, for which project,
    /// with which roles. The roles are those of the login; [`Keystone::own_roles`] asks anew.
    pub async fn own(&self) -> Result<Token, Error> {
        self.own_token(None).await
    }

    /// The names of our own user's roles in the project that it logs in for, as they are now, from
    /// `GET /v3/auth/tokens`; none without a project. [`Error::Refused`] with 401 if none is left.
    pub async fn own_roles(&self) -> Result<Vec<String>, Error> {
        let token = self.own_token(None).await?.token;
        match self.roles_of(&token).await {
            Err(Error::Refused { status: 401, .. } | Error::NotFound { .. }) => {
                let token = self.own_token(Some(&token)).await?.token;
                self.roles_of(&token).await
            }
            outcome => outcome,
        }
    }

    /// Asks for the description of `token` with the token itself.
    async fn roles_of(&self, token: &Secret) -> Result<Vec<String>, Error> {
        let mut call = Call::new("read our own token", Method::GET, vec!["auth", "tokens"]);
        call.query = vec![("nocatalog", "")];
        call.subject = Some(token);
        let body = self
            .0
            .transport
            .send(&call, Some(token))
            .await?
            .token_body()?;
        Ok(body.roles.into_iter().map(|role| role.name).collect())
    }

    /// Returns the client's own token; a new one if the present one is `refused`.
    pub(crate) async fn own_token(&self, refused: Option<&Secret>) -> Result<Token, Error> {
        let asked = Instant::now();
        let mut state = self.0.own.0.lock().await;
        if let Some(kept) = &state.token {
            let fresh = self.0.clock.now() < kept.expires - MARGIN;
            if fresh && refused.is_none_or(|refused| *refused != kept.token) {
                return Ok(kept.clone());
            }
        }
        // Callers that arrived during that login share its failure too: otherwise each would wait for
        // a hanging Keystone, one after the other.
        if let Some((when, error)) = &state.failed
            && *when >= asked
        {
            return Err(error.clone());
        }
        match self.password_token(&self.0.login).await {
            Ok(token) => {
                *state = State {
                    token: Some(token.clone()),
                    failed: None,
                };
                Ok(token)
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
