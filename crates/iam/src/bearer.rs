//! Access tokens that people bring: JWTs signed by the IAM (RFC 9068 in spirit, the WLCG token
//! profile in practice).

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use skykey_types::{Secret, SubjectId};

use crate::{Iam, IamError};

/// No access token of an IAM comes near.
const LONGEST: usize = 16 * 1024;
const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::ES256,
    Algorithm::ES384,
];
/// How far two clocks may be apart, in seconds.
const LEEWAY: i64 = 60;

/// What a valid access token says. Its groups are deliberately not among it: ask SCIM.
#[derive(Debug, Clone)]
pub struct AccessClaims {
    /// Who it acts for.
    pub id: SubjectId,
    /// The scopes that it was given.
    pub scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Wire {
    sub: String,
    #[serde(default)]
    scope: String,
    aud: Option<Audience>,
    exp: NumericDate,
    nbf: Option<NumericDate>,
}

/// Seconds since 1970. RFC 7519 allows fractions, which are dropped.
#[derive(Clone, Copy)]
struct NumericDate(i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`as` saturates, and far future is far future"
        )]
        let seconds = number
            .as_i64()
            .or_else(|| number.as_f64().map(|seconds| seconds as i64));
        seconds
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a time in seconds"))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Iam {
    /// Believes `token` if this IAM signed it with an asymmetric key, it has not ended, and it is
    /// meant for us or (as INDIGO's are by default) for nobody in particular.
    pub async fn verify_access_token(&self, token: &Secret) -> Result<AccessClaims, IamError> {
        let refuse = |why: &str| IamError::Token {
            why: why.to_owned(),
        };
        if token.expose().len() > LONGEST {
            return Err(refuse("it is too long"));
        }
        let header = decode_header(token.expose()).map_err(|_| refuse("it is not a signed JWT"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refuse(
                "its signature algorithm is not one of RS256, RS384, RS512, ES256, ES384",
            ));
        }
        let kid = header
            .kid
            .ok_or_else(|| refuse("it does not name its key"))?;
        let mut document = self.document().await?;
        if document.keys.find(&kid).is_none() {
            document = self.document_again().await?;
        }
        let key = document
            .keys
            .find(&kid)
            .ok_or_else(|| refuse("its key is not one of the IAM's"))?;
        let key = DecodingKey::from_jwk(key).map_err(|_| refuse("its key cannot be used"))?;
        let mut validation = Validation::new(header.alg);
        // Time is the clock's to tell, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false; // below: absence is allowed
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.set_issuer(&[self.settings.issuer.as_str()]);
        let claims = decode::<Wire>(token.expose(), &key, &validation)
            .map_err(|error| refuse(&error.to_string()))?
            .claims;
        let now = self.clock.now().as_second();
        if claims.exp.0.saturating_add(LEEWAY) <= now {
            return Err(refuse("it has ended"));
        }
        if claims
            .nbf
            .is_some_and(|begin| begin.0.saturating_sub(LEEWAY) > now)
        {
            return Err(refuse("its time has not begun"));
        }
        let ours = |audience: &String| *audience == self.settings.client_id;
        let meant_for_us = match &claims.aud {
            None => true,
            Some(Audience::One(one)) => one.is_empty() || ours(one),
            Some(Audience::Many(many)) => many.is_empty() || many.iter().any(ours),
        };
        if !meant_for_us {
            return Err(refuse("it was issued for another service"));
        }
        Ok(AccessClaims {
            id: SubjectId {
                issuer: self.settings.issuer.to_string(),
                sub: claims.sub,
            },
            scopes: claims.scope.split_whitespace().map(str::to_owned).collect(),
        })
    }
}
