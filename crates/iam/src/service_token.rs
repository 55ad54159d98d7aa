//! The client's own token (RFC 6749 §4.4), with which SCIM is asked.

use serde::Deserialize;
use skykey_types::{Secret, SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::{Iam, IamError};

/// Kept until a minute before it ends. The lock makes many askers wait for one answer.
#[derive(Debug, Default)]
pub(crate) struct ServiceToken(Mutex<Option<(Timestamp, Secret)>>);

#[derive(Deserialize)]
struct Wire {
    access_token: Secret,
    #[serde(default = "one_minute")]
    expires_in: i64,
}

fn one_minute() -> i64 {
    60
}

impl Iam {
    /// A token of scope `scim:read`.
    pub(crate) async fn service_token(&self) -> Result<Secret, IamError> {
        let mut kept = self.service_token.0.lock().await;
        let now = self.clock.now();
        if let Some((until, token)) = &*kept
            && now < *until
        {
            return Ok(token.clone());
        }
        let document = self.document().await?;
        let request = "the service token request";
        let endpoint = document
            .metadata
            .token_endpoint()
            .ok_or_else(|| IamError::Unexpected {
                request: "discovery",
                why: "no token_endpoint".to_owned(),
            })?;
        let client = (
            self.settings.client_id.as_str(),
            &self.settings.client_secret,
        );
        let form = [("grant_type", "client_credentials"), ("scope", "scim:read")];
        let wire: Wire = self
            .http
            .post_form(request, endpoint.url().clone(), client, &form)
            .await?
            .json()?;
        let until = now + SignedDuration::from_secs((wire.expires_in - 60).clamp(0, 86_400));
        *kept = Some((until, wire.access_token.clone()));
        Ok(wire.access_token)
    }

    /// Forgets a token that was refused before its time.
    pub(crate) async fn forget_service_token(&self) {
        *self.service_token.0.lock().await = None;
    }
}
