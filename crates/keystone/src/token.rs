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
    #[serde(default)]
    methods: Vec<String>,
    application_credential: Option<ApplicationCredentialRef>,
    expires_at: Timestamp,
}

/// What Keystone says of a token that somebody shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownToken {
    /// Whom it was given to.
    pub user: UserRef,
    /// How they proved themselves: `password`, `application_credential`, `ec2credential`, …; a method that
    /// this Keystone has no name for is missing.
    pub methods: Vec<String>,
    /// The application credential that it was made with, or that what it was made with belongs to.
    pub application_credential: Option<ApplicationCredentialRef>,
    /// When it ends.
    pub expires: Timestamp,
}

/// An application credential, as a token names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApplicationCredentialRef {
    /// Its public half.
    pub id: String,
    /// Whether it may not make others, or trusts; taken to be unrestricted if Keystone does not say.
    #[serde(default)]
    pub restricted: bool,
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
            ..
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
    /// What `token` is, which somebody shows, from `GET /v3/auth/tokens` with our own token, which must be
    /// an administrator's or a service's. `None` if Keystone does not stand by it: it has ended, was
    /// revoked, its user or project is disabled, or it never was. So it says as well of a token whose
    /// application credential has access rules, since we do not say that we keep them.
    pub async fn shown_token(&self, token: &Secret) -> Result<Option<ShownToken>, Error> {
        let mut call = Call::new("ask what a token is", Method::GET, vec!["auth", "tokens"]);
        call.query = vec![("nocatalog", "")];
        call.subject = Some(token);
        let answer = match self.call(Caller::Own, &call).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            outcome => outcome?,
        };
        let TokenBody {
            user,
            methods,
            application_credential,
            expires_at: expires,
            ..
        } = answer.token_body()?;
        Ok(Some(ShownToken {
            user,
            methods,
            application_credential,
            expires,
        }))
    }

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
