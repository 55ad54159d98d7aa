//! Ending a login at the IAM: token revocation, RFC 7009.

use skykey_types::Secret;

use crate::http::Ask;
use crate::{Iam, IamError};

const REVOKE: &str = "end a login at the IAM";

impl Iam {
    /// Ends a refresh token of this client's, and with it, at most providers, all that came from the same login
    /// (RFC 7009 §2.1). One that has ended already is a success (§2.2).
    pub async fn revoke_refresh_token(&self, token: &Secret) -> Result<(), IamError> {
        self.revoke(token, "refresh_token").await
    }

    /// Ends an access token of this client's. A provider whose access tokens are believed by their signature alone may
    /// refuse that (`unsupported_token_type`).
    pub async fn revoke_access_token(&self, token: &Secret) -> Result<(), IamError> {
        self.revoke(token, "access_token").await
    }

    async fn revoke(&self, token: &Secret, kind: &str) -> Result<(), IamError> {
        let document = self.document().await?;
        let url = document
            .revocation_endpoint
            .clone()
            .ok_or(IamError::NotOffered {
                operation: REVOKE,
                endpoint: "revocation_endpoint",
            })?;
        self.as_client(Ask::post(REVOKE, url), &document)
            .secret("token", token)
            .field("token_type_hint", kind)
            .repeatable()
            .send(&self.http)
            .await?
            .success()
    }
}
