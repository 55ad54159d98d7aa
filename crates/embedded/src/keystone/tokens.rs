//! Tokens: kept in memory as hashes, good for an hour.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use skykey_types::{Secret, random_token};

use super::answer::Refusal;

const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
const MAX_TOKENS: usize = 100_000;

/// What a token stands for. Whether its user may do so still is looked up at each use.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) user_id: String,
    /// How its user proved themselves, the newest last.
    pub(super) methods: Vec<&'static str>,
    pub(super) project_id: Option<String>,
    /// The application credential that it was made with.
    pub(super) app_credential: Option<String>,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) audit_id: String,
}

impl Token {
    pub(super) fn new(
        user_id: &str,
        method: &'static str,
        project_id: Option<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            user_id: user_id.to_owned(),
            methods: vec![method],
            project_id,
            app_credential: None,
            issued: now,
            expires: now + TOKEN_LIFETIME,
            audit_id: random_token(22),
        }
    }

    /// Whether it stands for a part of its user's rights only.
    pub(super) fn is_delegated(&self) -> bool {
        self.methods
            .iter()
            .any(|method| matches!(*method, "application_credential" | "ec2credential"))
    }
}

/// All living tokens.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<[u8; 32], Token>>);

impl Tokens {
    /// Gives out a token.
    pub(super) fn issue(&self, token: Token, now: Timestamp) -> Result<Secret, Refusal> {
        let secret = Secret::new(format!("keystone-{}", random_token(48)));
        let mut living = self.living();
        if living.len() >= MAX_TOKENS {
            living.retain(|_, token| now < token.expires);
            if living.len() >= MAX_TOKENS {
                return Err(Refusal::unavailable("Too many tokens are in use."));
            }
        }
        living.insert(hash(secret.expose()), token);
        Ok(secret)
    }

    /// The token, if it is ours and in time.
    pub(super) fn find(&self, token: &str, now: Timestamp) -> Option<Token> {
        self.living()
            .get(&hash(token))
            .filter(|token| now < token.expires)
            .cloned()
    }

    /// Ends a token.
    pub(super) fn revoke(&self, token: &str) {
        self.living().remove(&hash(token));
    }

    fn living(&self) -> MutexGuard<'_, HashMap<[u8; 32], Token>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.living().len())
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_after_an_hour_or_when_it_is_revoked() {
        let tokens = Tokens::default();
        let now = Timestamp::UNIX_EPOCH;
        let issue = || {
            tokens
                .issue(Token::new("user", "password", None, now), now)
                .unwrap()
        };
        let (first, second) = (issue(), issue());
        assert_ne!(first, second);
        let last = now + SignedDuration::from_secs(3599);
        assert!(tokens.find(first.expose(), last).is_some());
        assert!(
            tokens
                .find(first.expose(), last + SignedDuration::from_secs(1))
                .is_none()
        );
        tokens.revoke(second.expose());
        assert!(tokens.find(second.expose(), now).is_none());
        assert!(tokens.find("keystone-", now).is_none());
    }

    #[test]
    fn a_token_stays_delegated_when_it_is_rescoped() {
        let mut token = Token::new(
            "user",
            "application_credential",
            None,
            Timestamp::UNIX_EPOCH,
        );
        token.methods.push("token");
        assert!(token.is_delegated());
        assert!(!Token::new("user", "openid", None, Timestamp::UNIX_EPOCH).is_delegated());
    }
}
