//! The client's own token (RFC 6749 §4.4), with which SCIM is asked.

use std::sync::Arc;

use skykey_types::{Secret, SignedDuration, Timestamp};

use crate::cached::Age;
use crate::{Iam, IamError, MembershipSource};

pub(crate) const SCOPE: &str = "scim:read";
pub(crate) const HINT: &str = ", or set the source of memberships to 'userinfo'";
const OPERATION: &str = "get skykey's own token for SCIM";
/// A new one is asked for when this much is left, or half of a short life.
const LEFT: SignedDuration = SignedDuration::from_mins(1);
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug)]
pub(crate) struct ServiceToken {
    pub(crate) token: Secret,
    until: Timestamp,
}

impl Iam {
    /// A token of scope `scim:read`, kept until a minute before it ends.
    pub(crate) async fn service_token(&self) -> Result<Arc<ServiceToken>, IamError> {
        let age = Age {
            fresh: LONGEST,
            stale: SignedDuration::ZERO,
            again: SignedDuration::ZERO,
        };
        let kept = self
            .service_token
            .get(self.clock.now(), age, self.new_service_token())
            .await?;
        if self.clock.now() < kept.until {
            return Ok(kept);
        }
        self.service_token.forget(&kept).await;
        self.service_token
            .get(self.clock.now(), age, self.new_service_token())
            .await
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
        Ok(ServiceToken {
            until: self.clock.now() + lasts - LEFT.min(lasts / 2),
            token: answer.access_token,
        })
    }
}
