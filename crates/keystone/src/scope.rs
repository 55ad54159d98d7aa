//! From who somebody is to what they may do in a project.

use reqwest::Method;
use serde_json::json;
use skykey_types::Secret;

use crate::transport::Call;
use crate::{Error, Keystone, ScopedToken};

impl Keystone {
    /// A token of the same person for one project, from `POST /v3/auth/tokens` with the method
    /// `token`. Without a role in the project: [`Error::Refused`] with 401.
    pub async fn scope(&self, token: &Secret, project_id: &str) -> Result<ScopedToken, Error> {
        let mut call = Call::new(
            "get a token for the project",
            Method::POST,
            vec!["auth", "tokens"],
        );
        call.secrets.push(token);
        call.body = Some(json!({"auth": {
            "identity": {"methods": ["token"], "token": {"id": token.expose()}},
            "scope": {"project": {"id": project_id}},
        }}));
        self.0.transport.send(&call, None).await?.scoped()
    }
}
