//! Session tokens: sealed claims that need no database to be believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use skykey_seal::{KeyRing, OpenError, Purpose};
use skykey_types::{
    Access, AccessKeyId, Credentials, LeaseId, Rights, Secret, SubjectId, SurveyName, Timestamp,
    random_token,
};
use zeroize::Zeroizing;

const PURPOSE: Purpose = Purpose("session-token");

/// What every session token starts with, so that secret scanners know it.
const PREFIX: &str = "skykey1.";

/// Longest session token that is read, in bytes. skykey's and Ceph's are shorter than 1 KiB.
const MAX_TOKEN_BYTES: usize = 8192;

/// What a session token says.
#[derive(Debug, Clone)]
pub struct SessionClaims {
    /// Whose it is.
    pub subject: SubjectId,
    /// The person's login name, for the log.
    pub username: String,
    /// The survey that it opens.
    pub survey: SurveyName,
    /// How far.
    pub access: Access,
    /// What exactly may be done.
    pub rights: Rights,
    /// When it ends.
    pub expiration: Timestamp,
}

/// A session token that was opened.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    /// The lease that it belongs to.
    pub lease: LeaseId,
    /// The secret access key that its requests are signed with.
    pub secret_access_key: Secret,
    /// What it says.
    pub claims: SessionClaims,
}

/// Why a session token is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not issued by skykey, altered, or sent with another access key id.
    #[error("the session token is not valid for this access key")]
    Invalid,
    /// Sealed with a key that this endpoint does not have.
    #[error("the session token was sealed by a key that is not known here")]
    UnknownKey,
}

/// Seals and opens session tokens: `skykey1.` and the URL-safe base64 of a sealed box
/// (AES-256-GCM-SIV, key id and version authenticated), with the access key id as associated
/// data, so that a token given with another key does not open at all.
#[derive(Debug)]
pub struct SessionTokens {
    ring: KeyRing,
}

impl SessionTokens {
    /// Seals with the newest key of `ring`, opens with all of them.
    pub fn new(ring: KeyRing) -> Self {
        Self { ring }
    }

    /// Fresh credentials whose session token carries `claims`. The access key id starts with
    /// `SKYK`, has 20 characters, and is nobody else's.
    pub fn mint(&self, claims: &SessionClaims) -> Credentials {
        let access_key_id = AccessKeyId::new(format!("SKYK{}", random_token(16)));
        let secret_access_key = Secret::new(random_token(40));
        let sealed = Sealed {
            secret: secret_access_key.expose().to_owned().into(),
            issuer: claims.subject.issuer.clone(),
            sub: claims.subject.sub.clone(),
            username: claims.username.clone(),
            survey: claims.survey.clone(),
            access: claims.access,
            rights: claims.rights.clone(),
            // Whole seconds, rounded down: what is announced is what is kept.
            expiration: claims.expiration.as_second(),
        };
        let plain =
            Zeroizing::new(serde_json::to_vec(&sealed).expect("claims are plain text and numbers"));
        let token = self
            .ring
            .seal(PURPOSE, access_key_id.as_str().as_bytes(), &plain);
        Credentials {
            access_key_id,
            secret_access_key,
            session_token: Some(Secret::new(format!(
                "{PREFIX}{}",
                URL_SAFE_NO_PAD.encode(token)
            ))),
            expiration: Timestamp::from_second(sealed.expiration).ok(),
        }
    }

    /// Opens `token` as given with `access_key_id`. Whether it has expired or was revoked is for
    /// the caller to see.
    pub fn open(
        &self,
        access_key_id: &AccessKeyId,
        token: &str,
    ) -> Result<OpenedSession, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let text = token.strip_prefix(PREFIX).ok_or(TokenError::Invalid)?;
        let sealed = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| TokenError::Invalid)?;
        let plain = self
            .ring
            .open(PURPOSE, access_key_id.as_str().as_bytes(), &sealed)
            .map_err(|error| match error {
                OpenError::UnknownKey(_) => TokenError::UnknownKey,
                OpenError::Malformed | OpenError::Altered => TokenError::Invalid,
            })?;
        let sealed: Sealed = serde_json::from_slice(&plain).map_err(|_| TokenError::Invalid)?;
        Ok(OpenedSession {
            lease: LeaseId::of(access_key_id),
            secret_access_key: Secret::new(sealed.secret.as_str()),
            claims: SessionClaims {
                subject: SubjectId {
                    issuer: sealed.issuer,
                    sub: sealed.sub,
                },
                username: sealed.username,
                survey: sealed.survey,
                access: sealed.access,
                rights: sealed.rights,
                expiration: Timestamp::from_second(sealed.expiration)
                    .map_err(|_| TokenError::Invalid)?,
            },
        })
    }
}

/// The claims inside the box. The lease id is not among them because it follows from the access
/// key id, to which the box is bound.
#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(rename = "k")]
    secret: Zeroizing<String>,
    #[serde(rename = "i")]
    issuer: String,
    #[serde(rename = "s")]
    sub: String,
    #[serde(rename = "u")]
    username: String,
    #[serde(rename = "v")]
    survey: SurveyName,
    #[serde(rename = "a")]
    access: Access,
    #[serde(rename = "r")]
    rights: Rights,
    #[serde(rename = "e")]
    expiration: i64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims() -> SessionClaims {
        SessionClaims {
            subject: SubjectId {
                issuer: "https://iam.example/".to_owned(),
                sub: "abc".to_owned(),
            },
            username: "alice".to_owned(),
            survey: "demo".parse().unwrap(),
            access: Access::Read,
            rights: Rights::to(&["demo/".parse().unwrap()], Access::Read),
            expiration: Timestamp::from_second(1_800_000_000).unwrap(),
        }
    }

    #[test]
    fn a_minted_token_opens_to_what_was_claimed() {
        let tokens = SessionTokens::new(KeyRing::ephemeral());
        let minted = tokens.mint(&claims());
        let token = minted.session_token.unwrap();
        assert!(token.expose().len() < 1024, "{}", token.expose().len());
        let opened = tokens.open(&minted.access_key_id, token.expose()).unwrap();
        assert_eq!(opened.secret_access_key, minted.secret_access_key);
        assert_eq!(opened.lease, LeaseId::of(&minted.access_key_id));
        assert_eq!(opened.claims.rights, claims().rights);
        assert_eq!(opened.claims.subject, claims().subject);
        assert_eq!(Some(opened.claims.expiration), minted.expiration);
    }

    #[test]
    fn a_token_given_with_another_key_or_to_another_endpoint_does_not_open() {
        let tokens = SessionTokens::new(KeyRing::ephemeral());
        let (one, two) = (tokens.mint(&claims()), tokens.mint(&claims()));
        let token = one.session_token.unwrap();
        assert_eq!(
            tokens.open(&two.access_key_id, token.expose()).unwrap_err(),
            TokenError::Invalid
        );
        let elsewhere = SessionTokens::new(KeyRing::ephemeral());
        assert_eq!(
            elsewhere
                .open(&one.access_key_id, token.expose())
                .unwrap_err(),
            TokenError::Invalid
        );
    }

    proptest! {
        #[test]
        fn no_altered_token_opens(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.=-]") {
            let tokens = SessionTokens::new(KeyRing::ephemeral());
            let minted = tokens.mint(&claims());
            let token = minted.session_token.unwrap();
            let mut altered = token.expose().to_owned();
            let at = at.index(altered.len());
            altered.replace_range(at..=at, &to);
            prop_assume!(altered != token.expose());
            prop_assert!(tokens.open(&minted.access_key_id, &altered).is_err());
        }

        #[test]
        fn noise_is_an_error(noise in ".{0,300}") {
            let tokens = SessionTokens::new(KeyRing::ephemeral());
            let key = AccessKeyId::new("SKYKAAAAAAAAAAAAAAAA");
            prop_assert!(tokens.open(&key, &noise).is_err());
            let prefixed = [PREFIX, &noise].concat();
            prop_assert!(tokens.open(&key, &prefixed).is_err());
        }
    }
}
