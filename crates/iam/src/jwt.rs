//! JSON Web Tokens that the IAM signed (RFC 7519), whatever they are for.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use skykey_types::Secret;

use crate::{Iam, IamError, LEEWAY};

/// No token of an IAM comes near.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The algorithms that are believed. Whatever else an IAM advertises (INDIGO: HS256 and none), a
/// signature that anybody could have made is no signature.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The registered claims, and those of OpenID Connect Core 1.0 §2 that matter.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) aud: Option<Audience>,
    pub(crate) exp: NumericDate,
    pub(crate) nbf: Option<NumericDate>,
    pub(crate) iat: Option<NumericDate>,
    #[serde(default)]
    pub(crate) scope: Scope,
    pub(crate) azp: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) at_hash: Option<String>,
    pub(crate) preferred_username: Option<String>,
    pub(crate) name: Option<String>,
}

impl Claims {
    /// Why they do not count at `now`, with some leeway.
    pub(crate) fn timely(&self, now: i64) -> Result<(), Untimely> {
        timely(now, self.exp, [self.nbf, self.iat])
    }
}

/// Why something does not count now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untimely {
    Ended,
    NotBegun,
}

impl Untimely {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Ended => "it has ended",
            Self::NotBegun => {
                "its time has not begun; if it is new, the clocks of the IAM and of skykey differ"
            }
        }
    }

    /// The error of an access token.
    pub(crate) fn token(self) -> IamError {
        match self {
            Self::Ended => IamError::TokenEnded,
            Self::NotBegun => IamError::token(self.words()),
        }
    }
}

/// Why something that ends at `end` and begins at the latest of `begins` does not count at `now`.
pub(crate) fn timely(
    now: i64,
    end: NumericDate,
    begins: [Option<NumericDate>; 2],
) -> Result<(), Untimely> {
    if end.0.saturating_add(LEEWAY) <= now {
        return Err(Untimely::Ended);
    }
    let begun = |begin: NumericDate| begin.0.saturating_sub(LEEWAY) <= now;
    if begins.into_iter().flatten().all(begun) {
        Ok(())
    } else {
        Err(Untimely::NotBegun)
    }
}

/// Seconds since 1970. RFC 7519 allows fractions, which are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumericDate(pub(crate) i64);

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

/// Who a token is meant for.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(one) if one.is_empty() => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Scopes: a text with blanks between them (RFC 9068 §2.2.3), or a list, as some write it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "ScopeWire")]
pub(crate) struct Scope(pub(crate) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum ScopeWire {
    Text(String),
    List(Vec<String>),
}

impl From<ScopeWire> for Scope {
    fn from(wire: ScopeWire) -> Self {
        match wire {
            ScopeWire::Text(text) => Self(text.split_whitespace().map(str::to_owned).collect()),
            ScopeWire::List(list) => Self(list),
        }
    }
}

/// The IAM's public keys (RFC 7517). KeySet that cannot verify an asymmetric signature are left out,
/// also those that we cannot read: they must not keep us from the others.
#[derive(Debug, Deserialize)]
#[serde(from = "KeysWire")]
pub(crate) struct KeySet(Vec<Jwk>);

#[derive(Deserialize)]
struct KeysWire {
    keys: Vec<Value>,
}

impl From<KeysWire> for KeySet {
    fn from(wire: KeysWire) -> Self {
        let readable = wire
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Self(readable.filter(verifies).collect())
    }
}

fn verifies(key: &Jwk) -> bool {
    let asymmetric = matches!(
        key.algorithm,
        AlgorithmParameters::RSA(_)
            | AlgorithmParameters::EllipticCurve(_)
            | AlgorithmParameters::OctetKeyPair(_)
    );
    asymmetric && !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption))
}

impl KeySet {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key with this id; without an id, the only key that there is.
    fn find(&self, kid: Option<&str>) -> Option<&Jwk> {
        match (kid, self.0.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(kid), keys) => keys
                .iter()
                .find(|key| key.common.key_id.as_deref() == Some(kid)),
        }
    }
}

/// A token whose signature and issuer were checked, and nothing else.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) claims: Claims,
    pub(crate) algorithm: Algorithm,
}

impl Iam {
    /// Checks signature and issuer. `refuse` makes the error of a token that is not believed.
    pub(crate) async fn signed(
        &self,
        token: &Secret,
        refuse: fn(&str) -> IamError,
    ) -> Result<Signed, IamError> {
        let token = token.expose();
        if token.len() > MAX_TOKEN_BYTES {
            return Err(refuse("it is too long"));
        }
        let header = decode_header(token)
            .map_err(|_| refuse("it is not a JWT with a signature of a kind that we know"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refuse(
                "its signature algorithm is not an asymmetric one, such as RS256 or ES256",
            ));
        }
        if header.crit.is_some() {
            return Err(refuse("it demands what we do not know"));
        }
        let kid = header.kid.as_deref();
        let mut keys = self.keys().await?;
        if keys.find(kid).is_none() {
            keys = self.keys_again().await?;
        }
        let key = keys
            .find(kid)
            .ok_or_else(|| refuse("its key is not one of the IAM's"))?;
        if key
            .common
            .key_algorithm
            .is_some_and(|algorithm| algorithm.to_string() != format!("{:?}", header.alg))
        {
            return Err(refuse("its key is for another algorithm"));
        }
        let key = DecodingKey::from_jwk(key).map_err(|_| refuse("its key cannot be used"))?;
        let mut validation = Validation::new(header.alg);
        // Time is the clock's to tell, the audience the caller's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.set_issuer(&[self.issuer()]);
        let claims = decode::<Claims>(token, &key, &validation)
            .map_err(|error| refuse(words(error.kind())))?
            .claims;
        if claims.sub.is_empty() {
            return Err(refuse("it names nobody"));
        }
        Ok(Signed {
            claims,
            algorithm: header.alg,
        })
    }
}

/// The library's reasons in our words; its own may quote the token.
fn words(kind: &jsonwebtoken::errors::ErrorKind) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidIssuer => "it was issued by another issuer",
        ErrorKind::InvalidAlgorithm => "its key is for another algorithm",
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of the claims iss, sub and exp",
        _ => "its claims cannot be read",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_cannot_be_read_does_not_hide_the_others() {
        let keys: KeySet = serde_json::from_value(json!({ "keys": [
            { "kty": "AKP", "alg": "ML-DSA-44", "pub": "…", "kid": "new" },
            { "kty": "oct", "k": "c2VjcmV0", "kid": "shared" },
            { "kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc", "kid": "sealing" },
            { "kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "sig", "kid": "signing" },
            7,
        ] }))
        .unwrap();
        assert_eq!(keys.0.len(), 1);
        assert!(keys.find(Some("signing")).is_some() && keys.find(None).is_some());
        assert!(keys.find(Some("shared")).is_none());
    }

    #[test]
    fn clocks_may_be_a_minute_apart() {
        let date = NumericDate;
        assert_eq!(timely(1059, date(1000), [None, None]), Ok(()));
        assert!(timely(1060, date(1000), [None, None]).is_err());
        assert_eq!(timely(940, date(2000), [Some(date(1000)), None]), Ok(()));
        assert!(timely(939, date(2000), [None, Some(date(1000))]).is_err());
    }

    #[test]
    fn an_audience_and_a_scope_have_two_shapes() {
        let audience = |json| serde_json::from_value::<Audience>(json).unwrap();
        assert_eq!(audience(json!("a")).all(), ["a"]);
        assert_eq!(audience(json!(["a", "b"])).all(), ["a", "b"]);
        assert!(audience(json!("")).all().is_empty());
        let scope = |json| serde_json::from_value::<Scope>(json).unwrap().0;
        assert_eq!(scope(json!("a b")), scope(json!(["a", "b"])));
    }
}
