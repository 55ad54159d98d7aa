//! Requests to an STS: `GetSessionToken` or `AssumeRole`, with an EC2 credential.

use skykey_types::{Access, Credentials, Lifetime, Method, Rights, RoleArn, Survey};

use crate::{Denied, Ec2Credential, Exchange, PortError};

/// A request for temporary credentials.
#[derive(Debug, Clone)]
pub(crate) enum TokenRequest<'a> {
    /// `GetSessionToken`: everything that the project may.
    SessionToken(Lifetime),
    /// `AssumeRole`: no more than `rights`.
    Role {
        role: &'a RoleArn,
        /// The session's name in the object store's log.
        session: &'a str,
        lifetime: Lifetime,
        rights: Rights,
    },
}

impl<'a> TokenRequest<'a> {
    /// Returns the request by which `method` makes temporary credentials of the survey.
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

    /// Returns the same request with these rights. `GetSessionToken` has none to set.
    pub(crate) fn with_rights(mut self, new: Rights) -> Self {
        if let Self::Role { rights, .. } = &mut self {
            *rights = new;
        }
        self
    }

    /// Exchanges the EC2 credential for temporary credentials.
    pub(crate) async fn send(
        &self,
        exchange: &dyn Exchange,
        key: &Ec2Credential,
    ) -> Result<Credentials, PortError> {
        let ec2 = key.credentials();
        match self {
            Self::SessionToken(lifetime) => exchange.session_token(&ec2, *lifetime).await,
            Self::Role {
                role,
                session,
                lifetime,
                rights,
            } => {
                exchange
                    .assume_role(&ec2, role, session, *lifetime, rights)
                    .await
            }
        }
    }
}
