//! The client's own token: requested once for all waiting callers, renewed before it expires.

use http::Method;
use jiff::SignedDuration;
use skykey_types::{Secret, Timestamp};
use skykey_upstream::{Cache, CacheSettings, Freshness};

use crate::transport::Call;
use crate::{Error, Keystone, Token};

/// A token with less left is renewed, and used meanwhile.
const RENEW_MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// A token with less left is not used: it might end on its way.
const USE_MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// The kept token. A hundred requests wait for one login instead of making a hundred: a password
/// costs Keystone half a second of a core. They share its failure, too; the next one tries again.
pub(crate) type OwnToken = Cache<(), Token, Error>;

pub(crate) const CACHE: CacheSettings<Error> = CacheSettings {
    operation: "log in at Keystone",
    max_entries: 1,
    // A token says itself when it ends.
    max_age: SignedDuration::MAX,
    retry_interval: SignedDuration::ZERO,
    is_outage: Error::is_outage,
};

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

    /// Returns our own token; another one than `refused`, if that is given.
    pub(crate) async fn own_token(&self, refused: Option<&Secret>) -> Result<Token, Error> {
        let keystone = self.clone();
        let login = || async move { keystone.password_token(&keystone.0.login).await };
        let now = self.0.clock.now();
        let freshness = |kept: &Token, _| {
            if refused == Some(&kept.token) {
                return Freshness::Expired;
            }
            freshness(kept.expires, now)
        };
        self.0.own.get((), freshness, login).await
    }
}

fn freshness(expires: Timestamp, now: Timestamp) -> Freshness {
    if now < expires - RENEW_MARGIN {
        Freshness::Fresh
    } else if now < expires - USE_MARGIN {
        Freshness::Stale
    } else {
        Freshness::Expired
    }
}
