//! The key that signs, good for one scope.

use std::fmt;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, Tag, sign};
use skykey_types::Secret;
use subtle::ConstantTimeEq;

use crate::Scope;

/// A key derived from a secret access key, for one day, region and service. Deriving takes four
/// HMACs, signing one, so a frequent signer or verifier keeps the key while the scope is the same.
#[derive(Clone)]
pub struct SigningKey(Key);

impl SigningKey {
    /// Derives the key of `secret` for `scope`.
    pub fn derive(secret: &Secret, scope: &Scope) -> Self {
        Self::derive_for(secret, &scope.date(), scope.region(), scope.service())
    }

    /// Derives the key of `secret` for a scope given as text, its day as `YYYYMMDD`.
    pub(crate) fn derive_for(secret: &Secret, day: &str, region: &str, service: &str) -> Self {
        let first = prefixed(secret);
        let day = hmac(&Key::new(HMAC_SHA256, first.expose().as_bytes()), day);
        let region = hmac(&keyed(&day), region);
        let service = hmac(&keyed(&region), service);
        Self(keyed(&hmac(&keyed(&service), "aws4_request")))
    }

    /// Whether `signature` is the HMAC of the pieces, one after the other, in constant time.
    pub(crate) fn verify_pieces<'p>(
        &self,
        pieces: impl IntoIterator<Item = &'p [u8]>,
        signature: &[u8; 32],
    ) -> bool {
        let mut context = Context::with_key(&self.0);
        for piece in pieces {
            context.update(piece);
        }
        context.sign().as_ref().ct_eq(signature).into()
    }

    /// The signature: 64 lower-case hexadecimal characters.
    pub fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(hmac(&self.0, string_to_sign))
    }

    /// Whether `signature` is the one that [`SigningKey::sign`] gives, in constant time.
    pub fn verify(&self, string_to_sign: &str, signature: &str) -> bool {
        self.sign(string_to_sign)
            .as_bytes()
            .ct_eq(signature.as_bytes())
            .into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

/// The SHA-256 of `bytes`: 64 lower-case hexadecimal characters.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// The SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    array(&digest(&SHA256, bytes))
}

/// The 32 bytes of a SHA-256.
pub(crate) fn array(digest: &Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

fn prefixed(secret: &Secret) -> Secret {
    Secret::new(format!("AWS4{}", secret.expose()))
}

fn keyed(tag: &Tag) -> Key {
    Key::new(HMAC_SHA256, tag.as_ref())
}

fn hmac(key: &Key, text: &str) -> Tag {
    sign(key, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_show_itself_and_knows_its_own_signature() {
        let scope: Scope = "20130524/us-east-1/s3/aws4_request".parse().unwrap();
        let key = SigningKey::derive(&Secret::new("a secret"), &scope);
        assert_eq!(format!("{key:?}"), "SigningKey([redacted])");
        let signature = key.sign("text");
        assert!(key.verify("text", &signature));
        for bad in [
            "",
            &signature[1..],
            &signature.to_uppercase(),
            &format!("{signature}0"),
        ] {
            assert!(!key.verify("text", bad), "{bad}");
        }
    }
}
