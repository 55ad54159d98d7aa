//! What Keystone says about a token when it makes one.

use jiff::Timestamp;
use serde::Deserialize;

use crate::transport::Answer;
use crate::{Error, Project, ScopedToken, UnscopedToken, UserRef};

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

    pub(crate) fn unscoped(mut self) -> Result<UnscopedToken, Error> {
        let TokenBody {
            user,
            expires_at: expires,
            ..
        } = self.token_body()?;
        let token = self
            .subject_token
            .take()
            .ok_or_else(|| self.unusable("it holds no token".to_owned()))?;
        Ok(UnscopedToken {
            token,
            user,
            expires,
        })
    }

    pub(crate) fn scoped(mut self) -> Result<ScopedToken, Error> {
        let TokenBody {
            user,
            project,
            roles,
            expires_at: expires,
        } = self.token_body()?;
        let project =
            project.ok_or_else(|| self.unusable("the token is for no project".to_owned()))?;
        let token = self
            .subject_token
            .take()
            .ok_or_else(|| self.unusable("it holds no token".to_owned()))?;
        let roles = roles.into_iter().map(|role| role.name).collect();
        Ok(ScopedToken {
            token,
            user,
            project,
            roles,
            expires,
        })
    }
}
