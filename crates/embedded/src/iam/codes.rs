//! Authorization codes: 60 s, once, for one client, one redirect URI and one PKCE verifier.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use skykey_types::random_token;
use subtle::ConstantTimeEq;

use super::answer::OAuthError;
use super::tokens::{Grant, hash_of};

const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(60);
// A code that comes back later is unknown.
const SPENT_RETENTION: SignedDuration = SignedDuration::from_mins(10);
const MAX_CODES: usize = 10_000;

/// Recent codes by their hash, in memory only; after a restart a new login is needed.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<HashMap<String, Code>>);

#[derive(Debug)]
struct Code {
    grant: Grant,
    redirect_uri: String,
    challenge: Option<String>,
    issued: Timestamp,
    spent: bool,
}

/// Why a code was not redeemed.
#[derive(Debug)]
pub(super) enum CodeError {
    Refused(OAuthError),
    /// It was redeemed before: its tokens must be revoked (RFC 6749 §4.1.2).
    Reused {
        /// The grant's id.
        grant: String,
        sub: String,
    },
}

impl Codes {
    pub(super) fn issue(
        &self,
        grant: Grant,
        redirect_uri: &str,
        challenge: Option<String>,
        now: Timestamp,
    ) -> Result<String, OAuthError> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, code| now.duration_since(code.issued) < SPENT_RETENTION);
        if codes.len() >= MAX_CODES {
            return Err(OAuthError::new(
                "temporarily_unavailable",
                "too many logins at once; try again",
            ));
        }
        let code = random_token(32);
        let redirect_uri = redirect_uri.to_owned();
        codes.insert(
            hash_of(&code),
            Code {
                grant,
                redirect_uri,
                challenge,
                issued: now,
                spent: false,
            },
        );
        Ok(code)
    }

    /// Redeems a code for its grant. Any attempt by the right client spends it.
    pub(super) fn redeem(
        &self,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
        now: Timestamp,
    ) -> Result<Grant, CodeError> {
        let refused = |why: &'static str| Err(CodeError::Refused(OAuthError::invalid_grant(why)));
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(code) = codes
            .get_mut(&hash_of(code))
            .filter(|code| code.grant.client_id == client_id)
        else {
            return refused("the code is not valid");
        };
        if code.spent {
            let Grant { id, sub, .. } = code.grant.clone();
            return Err(CodeError::Reused { grant: id, sub });
        }
        code.spent = true;
        if now.duration_since(code.issued) >= CODE_LIFETIME {
            return refused("the code has expired");
        }
        if code.redirect_uri != redirect_uri {
            return refused("the redirect_uri is not the one that the code was sent to");
        }
        match (&code.challenge, verifier) {
            (None, None) => Ok(code.grant.clone()),
            (Some(challenge), Some(verifier)) if proves(verifier, challenge) => {
                Ok(code.grant.clone())
            }
            (Some(_), _) => refused("the code_verifier does not fit the code_challenge"),
            (None, Some(_)) => refused("there was no code_challenge"),
        }
    }
}

/// RFC 7636 §4.6, S256.
fn proves(verifier: &str, challenge: &str) -> bool {
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    (43..=128).contains(&verifier.len()) && hash.as_bytes().ct_eq(challenge.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::super::scope::Scope;
    use super::*;

    const URI: &str = "https://a.example/cb";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn issue(codes: &Codes, challenge: Option<&str>) -> String {
        let grant = Grant::new("web", "sub", Scope::default(), at(0), None);
        codes
            .issue(grant, URI, challenge.map(str::to_owned), at(0))
            .unwrap()
    }

    #[test]
    fn a_code_works_once_within_a_minute() {
        let codes = Codes::default();
        let code = issue(&codes, None);
        assert_eq!(
            codes.redeem(&code, "web", URI, None, at(59)).unwrap().sub,
            "sub"
        );
        assert!(matches!(
            codes.redeem(&code, "web", URI, None, at(59)),
            Err(CodeError::Reused { .. })
        ));
        let late = issue(&codes, None);
        assert!(matches!(
            codes.redeem(&late, "web", URI, None, at(60)),
            Err(CodeError::Refused(_))
        ));
    }

    #[test]
    fn a_code_is_bound_to_client_place_and_verifier() {
        let codes = Codes::default();
        // RFC 7636, appendix B.
        let (verifier, challenge) = (
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        );
        let code = issue(&codes, Some(challenge));
        assert!(matches!(
            codes.redeem(&code, "cli", URI, Some(verifier), at(0)),
            Err(CodeError::Refused(_))
        ));
        assert!(
            codes
                .redeem(&code, "web", URI, Some(verifier), at(0))
                .is_ok()
        );
        for (uri, shown) in [
            ("https://a.example/", Some(verifier)),
            (URI, None),
            (URI, Some(challenge)),
        ] {
            let code = issue(&codes, Some(challenge));
            assert!(matches!(
                codes.redeem(&code, "web", uri, shown, at(0)),
                Err(CodeError::Refused(_))
            ));
        }
        let unbound = issue(&codes, None);
        assert!(matches!(
            codes.redeem(&unbound, "web", URI, Some(verifier), at(0)),
            Err(CodeError::Refused(_))
        ));
    }
}
