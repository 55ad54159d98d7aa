//! The key that signs, good for one scope.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign};
use skykey_types::Secret;
use subtle::ConstantTimeEq;

use crate::Scope;

/// A key derived from a secret access key, for one day, region and service. Deriving takes four
/// HMACs, signing one: whoever signs or verifies much keeps the key as long as the scope stays.
#[derive(Clone)]
pub struct SigningKey(Key);

impl SigningKey {
    /// The key of `secret` for `scope`.
    pub fn derive(secret: &Secret, scope: &Scope) -> Self {
        let first = prefixed(secret);
        let day = hmac(
            &Key::new(HMAC_SHA256, first.expose().as_bytes()),
            &scope.date(),
        );
        let region = hmac(&keyed(&day), scope.region());
        let service = hmac(&keyed(&region), scope.service());
        Self(keyed(&hmac(&keyed(&service), "aws4_request")))
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
