//! Logging in with a password.

use reqwest::Method;
use serde_json::json;

use crate::transport::Call;
use crate::{Error, Keystone, Login, ScopedToken};

impl Keystone {
    /// A token for the user and project of `login`, from `POST /v3/auth/tokens`. A wrong password
    /// is [`Error::Refused`] with 401, and so is a project in which the user has no role.
    pub async fn password_token(&self, login: &Login) -> Result<ScopedToken, Error> {
        let mut call = Call::new(
            "log in at Keystone with a password",
            Method::POST,
            vec!["auth", "tokens"],
        );
        call.secrets.push(&login.password);
        call.body = Some(json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": login.username,
                "domain": {"name": login.user_domain},
                "password": login.password.expose(),
            }}},
            "scope": {"project": {"name": login.project, "domain": {"name": login.project_domain}}},
        }}));
        self.0.transport.send(&call, None).await?.scoped()
    }
}
