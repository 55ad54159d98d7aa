//! The key that signs tokens: RSA with 2048 bits, RS256 (RFC 7518 §3.3), made once.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skykey_seal::{read_private, write_private};

use crate::EmbeddedError;

const MAX_TOKEN_BYTES: usize = 8 * 1024;

pub(super) struct Signer {
    kid: String,
    sign: EncodingKey,
    verify: DecodingKey,
    jwks: Value,
}

/// The kind of a token; one kind is never accepted as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// RFC 9068.
    Access,
    Id,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Id => "JWT",
        }
    }
}

impl Signer {
    /// Reads the key from a private file, or makes one and writes it there.
    pub(super) fn open(path: &Path) -> Result<Self, EmbeddedError> {
        let io = |source| EmbeddedError::Io {
            path: path.to_owned(),
            source,
        };
        let der = if let Some(der) = read_private(path).map_err(io)? {
            der
        } else {
            let der = new_key()?;
            write_private(path, &der).map_err(io)?;
            der
        };
        Self::from_pkcs8(&der).map_err(|error| EmbeddedError::Damaged {
            path: path.to_owned(),
            why: error.to_string(),
        })
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, jsonwebtoken::errors::Error> {
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        );
        let sign = EncodingKey::from_rsa_pem(pem.as_bytes())?;
        let public = Jwk::from_encoding_key(&sign, Algorithm::RS256)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        let verify = DecodingKey::from_jwk(&public)?;
        let AlgorithmParameters::RSA(rsa) = &public.algorithm else {
            return Err(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat.into());
        };
        let key = json!({ "kty": "RSA", "e": rsa.e, "use": "sig", "kid": kid, "alg": "RS256", "n": rsa.n });
        Ok(Self {
            kid,
            sign,
            verify,
            jwks: json!({ "keys": [key] }),
        })
    }

    /// The public key, as a JSON Web Key Set (RFC 7517).
    pub(super) fn jwks(&self) -> &Value {
        &self.jwks
    }

    pub(super) fn sign<T: Serialize>(
        &self,
        kind: Kind,
        claims: &T,
    ) -> Result<String, EmbeddedError> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        header.typ = Some(kind.typ().to_owned());
        jsonwebtoken::encode(&header, claims, &self.sign)
            .map_err(|error| EmbeddedError::Crypto(format!("sign a token: {error}")))
    }

    /// The claims of a token that this key signed, for this kind, by RS256. Times and issuer are
    /// the caller's to check.
    pub(super) fn verify<T: DeserializeOwned + Clone>(&self, kind: Kind, token: &str) -> Option<T> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut validation = Validation::new(Algorithm::RS256);
        // The library would ask the system for the time.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let token = jsonwebtoken::decode::<T>(token, &self.verify, &validation).ok()?;
        let ours = token.header.kid.as_deref() == Some(&self.kid)
            && token.header.typ.as_deref() == Some(kind.typ());
        ours.then_some(token.claims)
    }
}

fn new_key() -> Result<Vec<u8>, EmbeddedError> {
    let failed = |_| EmbeddedError::Crypto("make an RSA key".to_owned());
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    Ok(der.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_a_token_has_one_kind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.der");
        let signer = Signer::open(&path).unwrap();
        let token = signer
            .sign(Kind::Access, &json!({ "exp": 1, "sub": "x" }))
            .unwrap();
        let again = Signer::open(&path).unwrap();
        assert_eq!(
            again.verify::<Value>(Kind::Access, &token).unwrap()["sub"],
            "x"
        );
        assert_eq!(again.verify::<Value>(Kind::Id, &token), None);
        assert_eq!(again.jwks(), signer.jwks());
        assert!(!again.jwks().to_string().contains("\"d\""));
        let other = Signer::open(&dir.path().join("other.der")).unwrap();
        assert_eq!(other.verify::<Value>(Kind::Access, &token), None);
    }

    #[test]
    fn a_damaged_key_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.der");
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(
            Signer::open(&path),
            Err(EmbeddedError::Damaged { .. })
        ));
    }
}
