//! The client's own token (RFC 6749 §4.4), with which SCIM is asked.

use std::sync::Arc;

use skykey_types::{Secret, SignedDuration, Timestamp};
use skykey_upstream::{CacheSettings, Freshness};

use crate::{Iam, IamError, MembershipSource, one_value};

pub(crate) const SCOPE: &str = "scim:read";
pub(crate) const HINT: &str = ", or set the source of memberships to 'userinfo'";
const OPERATION: &str = "get skykey's own token for SCIM";
/// A new one is fetched when this much is left, or half of a short lifetime.
const REFRESH_MARGIN: SignedDuration = SignedDuration::from_mins(1);
/// With less left, a token is not used: it might end on its way.
const USE_MARGIN: SignedDuration = SignedDuration::from_secs(10);
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// A failure is not remembered: without a token nothing can be asked at all.
pub(crate) const CACHE: CacheSettings<IamError> =
    one_value(OPERATION, MAX_AGE, SignedDuration::ZERO);

#[derive(Debug)]
pub(crate) struct ServiceToken {
    pub(crate) token: Secret,
    refresh_at: Timestamp,
    use_until: Timestamp,
}

impl ServiceToken {
    fn freshness(&self, now: Timestamp) -> Freshness {
        if now < self.refresh_at {
            Freshness::Fresh
        } else if now < self.use_until {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }
}

impl Iam {
    /// Returns a token of scope `scim:read`. It is fetched again from a minute before its end, and
    /// used meanwhile.
    pub(crate) async fn service_token(&self) -> Result<Arc<ServiceToken>, IamError> {
        self.service_token_but(None).await
    }

    /// Returns another token than `refused`.
    pub(crate) async fn another_service_token(
        &self,
        refused: &Arc<ServiceToken>,
    ) -> Result<Arc<ServiceToken>, IamError> {
        self.service_token_but(Some(refused)).await
    }

    async fn service_token_but(
        &self,
        refused: Option<&Arc<ServiceToken>>,
    ) -> Result<Arc<ServiceToken>, IamError> {
        let iam = self.clone();
        let fetch = || async move { iam.new_service_token().await.map(Arc::new) };
        let now = self.clock.now();
        let freshness = |kept: &Arc<ServiceToken>, _| {
            if refused.is_some_and(|refused| Arc::ptr_eq(refused, kept)) {
                return Freshness::Expired;
            }
            kept.freshness(now)
        };
        self.service_token.get((), freshness, fetch).await
    }

    /// Whether the IAM believes the client's id and secret: asks for our own token where memberships are
    /// SCIM's to tell, otherwise what a token is worth. [`IamError::NotOffered`] if there is no way to find
    /// out without a person.
    pub async fn check_client(&self) -> Result<(), IamError> {
        if self.membership_source().await? == MembershipSource::Userinfo {
            return self.introspect_nothing().await;
        }
        match self.service_token().await {
            // It knows the client, and says what it may not.
            Ok(_) | Err(IamError::NotGranted { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn new_service_token(&self) -> Result<ServiceToken, IamError> {
        let ask = self
            .token_request(OPERATION, "client_credentials")
            .await?
            .field("scope", SCOPE)
            .repeatable();
        let answer = self
            .token_answer(OPERATION, ask)
            .await
            .map_err(|error| match error.code() {
                "invalid_scope" | "unauthorized_client" | "access_denied" => self.not_granted(
                    OPERATION,
                    SCOPE,
                    ", and the grant client_credentials; or set the source of memberships to 'userinfo'",
                ),
                _ => error,
            })?;
        if answer
            .scope
            .as_ref()
            .is_some_and(|scope| !scope.0.iter().any(|scope| scope == SCOPE))
        {
            return Err(self.not_granted(OPERATION, SCOPE, HINT));
        }
        let lasts = answer.lasts();
        let end = self.clock.now() + lasts;
        Ok(ServiceToken {
            refresh_at: end - REFRESH_MARGIN.min(lasts / 2),
            use_until: end - USE_MARGIN.min(lasts / 4),
            token: answer.access_token,
        })
    }
}
