//! Asking the IAM what an opaque token is worth: RFC 7662.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use skykey_types::{Secret, SignedDuration, Timestamp};
use skykey_upstream::{CacheSettings, Freshness};

use crate::http::Ask;
use crate::jwt::{Audience, NumericDate, Scope, Untimely, timely};
use crate::{AccessClaims, Iam, IamError, LEEWAY};

const OPERATION: &str = "ask what an access token is worth";
const MAX_TOKEN_BYTES: usize = 4 * 1024;
/// How long an answer is believed: a revoked token ends here that much later than at the IAM. So no
/// older answer serves, also while the IAM hangs.
const MAX_AGE: SignedDuration = SignedDuration::from_secs(60);

/// The SHA-256 of a token.
pub(crate) type TokenHash = [u8; 32];

/// Live tokens; refusals are not kept.
pub(crate) const CACHE: CacheSettings<IamError> = CacheSettings {
    operation: OPERATION,
    max_entries: 10_000,
    max_age: MAX_AGE,
    retry_interval: SignedDuration::ZERO,
    is_outage: IamError::is_outage,
};

#[derive(Deserialize)]
struct Wire {
    active: bool,
    token_type: Option<String>,
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    #[serde(default)]
    scope: Scope,
}

impl Iam {
    pub(crate) async fn introspect(&self, token: &Secret) -> Result<AccessClaims, IamError> {
        let text = token.expose();
        let looks_like_one = !text.is_empty()
            && text.len() <= MAX_TOKEN_BYTES
            && text.bytes().all(|b| b.is_ascii_graphic());
        if !looks_like_one {
            return Err(IamError::token("it does not look like one"));
        }
        let (iam, asked) = (self.clone(), token.clone());
        let fetch = || async move { iam.fetch_introspection(&asked).await };
        let now = self.clock.now().as_second();
        let freshness = |kept: &AccessClaims, age| {
            if now >= kept.expires.as_second().saturating_add(LEEWAY) {
                return Freshness::Expired;
            }
            Freshness::by_age(age, MAX_AGE, MAX_AGE)
        };
        self.introspected.get(hash(token), freshness, fetch).await
    }

    async fn fetch_introspection(&self, token: &Secret) -> Result<AccessClaims, IamError> {
        let now = self.clock.now();
        let document = self.document().await?;
        let Some(url) = document.introspection_endpoint.clone() else {
            return Err(IamError::token(
                "it is not a JWT, and the IAM offers no introspection",
            ));
        };
        let ask = self
            .as_client(Ask::post(OPERATION, url), &document)
            .secret("token", token)
            .field("token_type_hint", "access_token")
            .repeatable();
        let wire: Wire = ask.send(&self.http).await?.json()?;
        self.believed(wire, now)
    }

    /// Asks about a text that is no token, as our client: whether the IAM believes the client's id and
    /// secret.
    pub(crate) async fn introspect_nothing(&self) -> Result<(), IamError> {
        let document = self.document().await?;
        let url = document
            .introspection_endpoint
            .clone()
            .ok_or(IamError::NotOffered {
                operation: OPERATION,
                endpoint: "introspection_endpoint",
            })?;
        let ask = self
            .as_client(Ask::post(OPERATION, url), &document)
            .field("token", "no-token")
            .repeatable();
        ask.send(&self.http).await?.success()
    }

    fn believed(&self, wire: Wire, now: Timestamp) -> Result<AccessClaims, IamError> {
        if !wire.active {
            return Err(IamError::token("it has ended, was revoked or never was"));
        }
        // A refresh token is live too, but it is for the IAM alone.
        if !wire
            .token_type
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(IamError::token("the IAM does not call it a bearer token"));
        }
        if wire.iss.is_some_and(|issuer| issuer != self.issuer()) {
            return Err(IamError::token("it was issued by another issuer"));
        }
        let sub = wire
            .sub
            .filter(|sub| !sub.is_empty())
            .ok_or_else(|| IamError::token("it names nobody"))?;
        let exp = wire
            .exp
            .ok_or_else(|| IamError::token("the IAM does not say when it ends"))?;
        timely(now.as_second(), exp, [wire.nbf, None]).map_err(Untimely::token)?;
        self.meant_for_us(wire.aud.as_ref())?;
        self.access_claims(sub, wire.scope.0, exp.0)
    }
}

fn hash(token: &Secret) -> TokenHash {
    let hash = digest(&SHA256, token.expose().as_bytes());
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
