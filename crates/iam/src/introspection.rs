//! Asking the IAM what an opaque token is worth: RFC 7662.

use std::collections::HashMap;
use std::sync::Mutex;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use skykey_types::{Secret, SignedDuration, Timestamp};

use crate::http::Ask;
use crate::jwt::{Audience, NumericDate, Scope, Untimely, timely};
use crate::{AccessClaims, Iam, IamError, LEEWAY};

const OPERATION: &str = "ask what an access token is worth";
/// No opaque token comes near.
const LONGEST: usize = 4 * 1024;
/// How long an answer is believed: so much later than at the IAM a revoked token ends here.
const KEPT: SignedDuration = SignedDuration::from_secs(60);
/// How many answers are kept.
const MOST: usize = 10_000;

/// The live tokens, by their SHA-256.
#[derive(Debug, Default)]
pub(crate) struct Introspected(Mutex<HashMap<[u8; 32], (Timestamp, AccessClaims)>>);

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
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(IamError::token("it does not look like one"));
        }
        let key = hash(token);
        let now = self.clock.now();
        if let Some(kept) = self.introspected.find(&key, now) {
            return Ok(kept);
        }
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
        let claims = self.believed(wire, now)?;
        self.introspected.keep(key, now, claims.clone());
        Ok(claims)
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

impl Introspected {
    fn find(&self, key: &[u8; 32], now: Timestamp) -> Option<AccessClaims> {
        let kept = self.0.lock().expect("nobody panics while holding it");
        let (at, claims) = kept.get(key)?;
        is_kept(*at, claims, now).then(|| claims.clone())
    }

    fn keep(&self, key: [u8; 32], now: Timestamp, claims: AccessClaims) {
        let mut kept = self.0.lock().expect("nobody panics while holding it");
        if kept.len() >= MOST {
            kept.retain(|_, (at, claims)| is_kept(*at, claims, now));
        }
        if kept.len() < MOST {
            kept.insert(key, (now, claims));
        }
    }
}

fn is_kept(at: Timestamp, claims: &AccessClaims, now: Timestamp) -> bool {
    now.duration_since(at).abs() < KEPT
        && now.as_second() < claims.expires.as_second().saturating_add(LEEWAY)
}

fn hash(token: &Secret) -> [u8; 32] {
    let hash = digest(&SHA256, token.expose().as_bytes());
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
