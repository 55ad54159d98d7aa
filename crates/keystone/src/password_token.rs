//! The login with a password.

use serde_json::json;

use crate::transport::Call;
use crate::{Error, Keystone, Login, Token};

impl Keystone {
    /// Requests a token for the user of `login`, and for its project if it names one, from
    /// `POST /v3/auth/tokens`. A wrong password is [`Error::Refused`] with 401, and so is a
    /// project in which the user has no role, or that does not exist: Keystone does not say which.
    pub async fn password_token(&self, login: &Login) -> Result<Token, Error> {
        // A login without a scope would use the user's default project.
        let scope = login.project.as_ref().map_or_else(
            || json!({"unscoped": {}}),
            |project| json!({"project": {"name": project.name, "domain": {"name": project.domain}}}),
        );
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": login.username,
                "domain": {"name": login.user_domain},
                "password": login.password.expose(),
            }}},
            "scope": scope,
        }});
        let mut call = Call::asking(
            "log in at Keystone with a password",
            vec!["auth", "tokens"],
            Some(body),
        );
        call.secrets.push(&login.password);
        let answer = self.0.transport.send(&call, None).await?;
        answer.token(login.project.is_some())
    }
}
