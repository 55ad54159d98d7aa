//! From an EC2 credential to temporary credentials: by `GetSessionToken` or by `AssumeRole`.

use skykey_types::{Access, Credentials, Lifetime, Method, Rights, RoleArn, Survey};

use crate::{Broker, Denied, Ec2Credential, PortError};

/// Which request is made, and with what.
#[derive(Debug, Clone)]
pub(crate) enum Way<'a> {
    /// `GetSessionToken`: all that the project may.
    SessionToken(Lifetime),
    /// `AssumeRole`: no more than `rights`.
    Role {
        role: &'a RoleArn,
        session: &'a str,
        lifetime: Lifetime,
        rights: Rights,
    },
}

impl<'a> Way<'a> {
    /// How `method` makes temporary credentials of the survey, for `session` in the store's log.
    pub(crate) fn of(
        method: Method,
        survey: &'a Survey,
        access: Access,
        session: &'a str,
        lifetime: Lifetime,
    ) -> Result<Self, Denied> {
        if method != Method::AssumeRole {
            return Ok(Self::SessionToken(lifetime));
        }
        let role = survey.roles.of(access).ok_or_else(|| Denied::NoRole {
            survey: survey.name.clone(),
            access,
        })?;
        Ok(Self::Role {
            role,
            session,
            lifetime,
            rights: survey.rights(access),
        })
    }

    /// The same, with these rights, which a session token that is no role's cannot have.
    pub(crate) fn with(self, rights: Rights) -> Self {
        match self {
            Self::Role {
                role,
                session,
                lifetime,
                ..
            } => Self::Role {
                role,
                session,
                lifetime,
                rights,
            },
            Self::SessionToken(lifetime) => Self::SessionToken(lifetime),
        }
    }
}

impl Broker {
    pub(crate) async fn exchange(
        &self,
        key: &Ec2Credential,
        way: &Way<'_>,
    ) -> Result<Credentials, PortError> {
        let ec2 = key.credentials();
        match way {
            Way::SessionToken(lifetime) => self.exchange.session_token(&ec2, *lifetime).await,
            Way::Role {
                role,
                session,
                lifetime,
                rights,
            } => {
                self.exchange
                    .assume_role(&ec2, role, session, *lifetime, rights)
                    .await
            }
        }
    }
}
