//! The token endpoint (RFC 6749 §3.2), and the renewal of access tokens.

use serde::Deserialize;
use skykey_types::{Secret, SignedDuration, Timestamp};

use crate::http::Ask;
use crate::jwt::Scope;
use crate::{Iam, IamError};

const REFRESH: &str = "renew a person's access token";
/// If the IAM does not say how long a token lasts.
const LASTS: SignedDuration = SignedDuration::from_mins(5);
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 366);

/// What a refresh token brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Acts for the person.
    pub access_token: Secret,
    /// When it ends.
    pub expires: Timestamp,
    /// The refresh token to use from now on; the old one is spent. `None`: it stays the same.
    pub refresh_token: Option<Secret>,
}

/// A successful answer, RFC 6749 §5.1.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) scope: Option<Scope>,
    #[serde(default)]
    token_type: String,
    expires_in: Option<Seconds>,
}

/// Some write the number as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl TokenAnswer {
    /// How long the access token lasts.
    pub(crate) fn lasts(&self) -> SignedDuration {
        let seconds = match &self.expires_in {
            None => None,
            Some(Seconds::Number(seconds)) => Some(*seconds),
            Some(Seconds::Text(text)) => text.parse().ok(),
        };
        seconds
            .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
            .map_or(LASTS, |lasts| {
                lasts.clamp(SignedDuration::ZERO, MAX_LIFETIME)
            })
    }
}

impl Iam {
    /// A new access token for a person's refresh token. Many providers give a new refresh token with
    /// it and end the login when the old one comes back: keep the new one before anything else, and
    /// do not renew one login twice at once. [`IamError::NoLongerVouched`] is the IAM's "no".
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<Refreshed, IamError> {
        let ask = self
            .token_request(REFRESH, "refresh_token")
            .await?
            .secret("refresh_token", refresh_token);
        let answer = self.token_answer(REFRESH, ask).await.map_err(|error| {
            if says_no(&error) {
                IamError::NoLongerVouched
            } else {
                error
            }
        })?;
        Ok(Refreshed {
            expires: self.clock.now() + answer.lasts(),
            access_token: answer.access_token,
            refresh_token: answer.refresh_token.filter(|next| next != refresh_token),
        })
    }

    /// A request of the token endpoint with this client's authentication.
    pub(crate) async fn token_request(
        &self,
        operation: &'static str,
        grant_type: &str,
    ) -> Result<Ask, IamError> {
        let document = self.document().await?;
        let ask = Ask::post(operation, document.token_endpoint.clone());
        Ok(self
            .as_client(ask, &document)
            .field("grant_type", grant_type))
    }

    /// With this client's authentication: HTTP Basic, which every server must know (RFC 6749
    /// §2.3.1), unless it says that it does not. A public client has none (RFC 6749 §3.2.1).
    pub(crate) fn as_client(&self, ask: Ask, document: &crate::provider::Document) -> Ask {
        let id = &self.settings.client_id;
        let methods = &document.token_endpoint_auth_methods_supported;
        let known = |method: &str| methods.iter().any(|known| known == method);
        // INDIGO's device endpoint knows the client only by this field, however it authenticates.
        let ask = ask.field("client_id", id);
        let Some(secret) = &self.settings.client_secret else {
            return ask;
        };
        if known("client_secret_post") && !known("client_secret_basic") {
            ask.secret("client_secret", secret)
        } else {
            ask.basic(id, secret)
        }
    }

    pub(crate) async fn token_answer(
        &self,
        operation: &'static str,
        ask: Ask,
    ) -> Result<TokenAnswer, IamError> {
        let answer: TokenAnswer = ask.send(&self.http).await?.json()?;
        let unexpected = |why: &str| {
            Err(IamError::Unexpected {
                operation,
                why: why.to_owned(),
            })
        };
        if !answer.token_type.is_empty() && !answer.token_type.eq_ignore_ascii_case("bearer") {
            return unexpected("its token is not a bearer token");
        }
        if answer.access_token.expose().is_empty() {
            return unexpected("its access token is empty");
        }
        Ok(answer)
    }

    /// That the IAM does not let this client have a scope.
    pub(crate) fn not_granted(
        &self,
        operation: &'static str,
        scope: &str,
        hint: &'static str,
    ) -> IamError {
        IamError::NotGranted {
            operation,
            scope: scope.to_owned(),
            client: self.settings.client_id.clone(),
            hint,
        }
    }
}

/// Whether a refused refresh token is meant, and not the client that brings it. RFC 6749 §5.2 has
/// `invalid_grant`; INDIGO before 1.12 says `invalid_token` of one that it does not know, and of a
/// deactivated account `unauthorized` (as of a wrong client secret, which is no word about anybody)
/// and that the user is not active.
fn says_no(error: &IamError) -> bool {
    match error {
        IamError::Refused { status, .. } if *status >= 500 => false,
        IamError::Refused { code, why, .. } => match code.as_str() {
            "invalid_grant" | "invalid_token" => true,
            "unauthorized" => why.contains("is not active"),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lifetime_is_a_number_a_text_or_left_out() {
        for (wire, seconds) in [
            (json!({}), 300),
            (json!({ "expires_in": 3600 }), 3600),
            (json!({ "expires_in": "3599" }), 3599),
            (json!({ "expires_in": -5 }), 0),
            (json!({ "expires_in": "soon" }), 300),
            (json!({ "expires_in": 1e300 }), 300),
        ] {
            let mut answer = json!({ "access_token": "x", "token_type": "Bearer" });
            answer
                .as_object_mut()
                .unwrap()
                .extend(wire.as_object().unwrap().clone());
            let answer: TokenAnswer = serde_json::from_value(answer).unwrap();
            assert_eq!(answer.lasts().as_secs(), seconds, "{wire}");
        }
    }
}
