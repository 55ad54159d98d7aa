//! Tokens and their descriptions.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use skykey_types::Secret;

use crate::transport::{Answer, Call};
use crate::{Caller, Error, Keystone, Project, UserRef};

/// A token with its description.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub token: Secret,
    /// Its user.
    pub user: UserRef,
    /// Its project; a token without one identifies the user, and grants nothing.
    pub project: Option<Project>,
    /// The names of the roles the user has in the project, with those that they imply.
    pub roles: Vec<String>,
    /// When it expires.
    pub expires: Timestamp,
}

#[derive(Deserialize)]
struct Envelope {
    token: TokenBody,
}

/// `{"token": …}` of the Identity API, the fields that skykey reads.
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

/// Keystone's description of another user's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownToken {
    /// Its user.
    pub user: UserRef,
    /// The authentication methods: `password`, `application_credential`, `ec2credential`, …; a method that
    /// this Keystone has no name for is missing.
    pub methods: Vec<String>,
    /// The application credential that it derives from, directly or not.
    pub application_credential: Option<ApplicationCredentialRef>,
    /// When it expires.
    pub expires: Timestamp,
}

/// An application credential in a token's description.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApplicationCredentialRef {
    /// Its public half.
    pub id: String,
    /// Whether it cannot create others, or trusts; unrestricted if Keystone does not say.
    #[serde(default)]
    pub restricted: bool,
}

#[derive(Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
}

impl Answer {
    /// Parses the token's description.
    pub(crate) fn token_body(&self) -> Result<TokenBody, Error> {
        Ok(self.json::<Envelope>()?.token)
    }

    /// Parses the token, which must have a project if one was requested.
    pub(crate) fn token(mut self, scoped: bool) -> Result<Token, Error> {
        let TokenBody {
            user,
            project,
            roles,
            expires_at: expires,
            ..
        } = self.token_body()?;
        if scoped && project.is_none() {
            return Err(self.unusable("the token has no project".to_owned()));
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
    /// Returns the description of another user's `token`, from `GET /v3/auth/tokens` with our own token, which
    /// must be an administrator's or a service's. `None` if it is not valid: expired, revoked, unknown, or
    /// its user or project disabled. Also `None` for a token whose application credential has access rules,
    /// since the request does not announce support for them.
    pub async fn shown_token(&self, token: &Secret) -> Result<Option<ShownToken>, Error> {
        let mut call = Call::new("identify a token", Method::GET, vec!["auth", "tokens"]);
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

    /// Revokes `token`, with `DELETE /v3/auth/tokens`; `false` if it had expired. The caller
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
