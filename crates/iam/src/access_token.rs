//! Access tokens that people bring: JWTs signed by the IAM (RFC 9068 in spirit, the WLCG token
//! profile in practice), or opaque ones, of which the IAM tells what they are worth.

use skykey_types::{Secret, SubjectId, Timestamp};

use crate::jwt::{Audience, Claims, Untimely};
use crate::{GroupsClaim, Iam, IamError};

/// WLCG Common JWT Profiles 1.0 §2.1.1: the audience "anybody".
const WLCG_ANY: &str = "https://wlcg.cern.ch/jwt/v1/any";

/// What a valid access token says. Its groups are deliberately not among it: ask about the
/// membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who it acts for.
    pub id: SubjectId,
    /// The scopes that it was given.
    pub scopes: Vec<String>,
    /// When it ends.
    pub expires: Timestamp,
}

impl Iam {
    /// Believes `token` if this IAM signed it with an asymmetric key, or says of it that it is
    /// live; it has not ended; and it is meant for us or (as INDIGO's are by default) for nobody in
    /// particular. Clocks may be a minute apart. What the IAM says of an opaque token is kept for a
    /// minute at most.
    pub async fn verify_access_token(&self, token: &Secret) -> Result<AccessClaims, IamError> {
        if token.expose().split('.').count() != 3 {
            return self.introspect(token).await;
        }
        let claims = self.signed(token, |why| IamError::token(why)).await?.claims;
        claims
            .timely(self.clock.now().as_second())
            .map_err(Untimely::token)?;
        if is_id_token(&claims) {
            return Err(IamError::token(
                "it is an id token, which only tells who logged in",
            ));
        }
        self.meant_for_us(claims.aud.as_ref())?;
        self.access_claims(claims.sub, claims.scope.0, claims.exp.0)
    }

    pub(crate) fn meant_for_us(&self, audience: Option<&Audience>) -> Result<(), IamError> {
        let audience = audience.map(Audience::all).unwrap_or_default();
        let ours = |name: &String| {
            *name == self.settings.client_id
                || self.settings.audiences.contains(name)
                || (self.settings.groups == GroupsClaim::Wlcg && name == WLCG_ANY)
        };
        if audience.is_empty() || audience.iter().any(ours) {
            Ok(())
        } else {
            Err(IamError::token("it was issued for another service"))
        }
    }

    pub(crate) fn access_claims(
        &self,
        sub: String,
        scopes: Vec<String>,
        exp: i64,
    ) -> Result<AccessClaims, IamError> {
        Ok(AccessClaims {
            id: self.subject(sub),
            scopes,
            expires: Timestamp::from_second(exp)
                .map_err(|_| IamError::token("its end is not a time"))?,
        })
    }
}

/// An id token has our client as its audience and a signature of the same key, but it was made to be
/// read by the client and no one else. Not every IAM marks access tokens by `typ` (RFC 9068 §2.1),
/// and some put the nonce into both; but an id token has no scope.
fn is_id_token(claims: &Claims) -> bool {
    claims.at_hash.is_some() || (claims.nonce.is_some() && claims.scope.0.is_empty())
}
