//! Exchanges a token for one with a project.

use serde_json::json;
use skykey_types::Secret;

use crate::transport::Call;
use crate::{Error, Keystone, Token};

impl Keystone {
    /// Requests a token of the same person for one project, from `POST /v3/auth/tokens` with the method
    /// `token`. Without a role in the project: [`Error::Refused`] with 401.
    pub async fn scope(&self, token: &Secret, project_id: &str) -> Result<Token, Error> {
        let body = json!({"auth": {
            "identity": {"methods": ["token"], "token": {"id": token.expose()}},
            "scope": {"project": {"id": project_id}},
        }});
        let mut call = Call::asking(
            "get a token for the project",
            vec!["auth", "tokens"],
            Some(body),
        );
        call.secrets.push(token);
        self.0.transport.send(&call, None).await?.token(true)
    }
}
