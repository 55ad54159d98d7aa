//! Tokens, and what Keystone says about one when it makes it.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use skykey_types::Secret;

use crate::transport::{Answer, Call};
use crate::{Caller, Error, Keystone, Project, UserRef};

/// A token, with what it stands for.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub token: Secret,
    /// Whom it was given to.
    pub user: UserRef,
    /// For which project; without one it says who somebody is, and gives no right.
    pub project: Option<Project>,
    /// The names of the roles the user has in the project, with those that they imply.
    pub roles: Vec<String>,
    /// When it ends.
    pub expires: Timestamp,
}

#[derive(Deserialize)]
struct Envelope {
    token: TokenBody,
}

/// `{"token": …}` of the Identity API, as far as we read it.
#[derive(Deserialize)]
pub(crate) struct TokenBody {
    pub(crate) user: UserRef,
    pub(crate) project: Option<Project>,
    #[serde(default)]
    pub(crate) roles: Vec<Role>,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
}

impl Answer {
    /// The description of the token that the answer is about.
    pub(crate) fn token_body(&self) -> Result<TokenBody, Error> {
        Ok(self.json::<Envelope>()?.token)
    }

    /// The token, which must be for a project if one was asked for.
    pub(crate) fn token(mut self, scoped: bool) -> Result<Token, Error> {
        let TokenBody {
            user,
            project,
            roles,
            expires_at: expires,
        } = self.token_body()?;
        if scoped && project.is_none() {
            return Err(self.unusable("the token is for no project".to_owned()));
        }
        let token = self
            .subject_token
            .take()
            .ok_or_else(|| self.unusable("it holds no token".to_owned()))?;
        let roles = roles.into_iter().map(|role| role.name).collect();
        Ok(Token {
            token,
            user,
            project,
            roles,
            expires,
        })
    }
}

impl Keystone {
    /// Ends `token` at once, with `DELETE /v3/auth/tokens`; `false` if it had ended. The caller
    /// must be its owner or an administrator.
    pub async fn revoke_token(&self, caller: Caller<'_>, token: &Secret) -> Result<bool, Error> {
        let mut call = Call::new("end a token", Method::DELETE, vec!["auth", "tokens"]);
        call.subject = Some(token);
        match self.call(caller, &call).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
