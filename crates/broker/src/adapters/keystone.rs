//! OpenStack Keystone as the broker's [`Ec2Keys`].

use std::sync::Arc;

use async_trait::async_trait;
use skykey_keystone::{Caller, Error, Keystone, Login};
use skykey_types::{AccessKeyId, Clock, ProjectName, Secret};
use tokio::sync::OnceCell;
use url::Url;

use crate::{Ec2Credential, Ec2Identity, Ec2Keys, PortError};

const DOMAIN: &str = "Default";

/// Who we are to Keystone.
#[derive(Debug, Clone)]
pub struct KeystoneSettings {
    /// Ending with `/v3`.
    pub url: Url,
    /// Keystone's name for our IAM.
    pub identity_provider: String,
    /// The federation protocol, `openid`.
    pub protocol: String,
    /// The user with the roles `service` and `admin`, and its password: asks whose a credential is,
    /// and deletes those of people who left.
    pub service_user: (String, Secret),
    /// The project in which it has these roles.
    pub service_project: String,
    /// The user in whose name credentials are made for others, and its password.
    pub backend_user: (String, Secret),
    /// A project of which the backend user is a member.
    pub backend_project: ProjectName,
}

/// The client, logged in as the service user, and at need as the backend user or a person.
#[derive(Debug)]
pub struct KeystonePort {
    keystone: Keystone,
    settings: KeystoneSettings,
    backend_id: OnceCell<String>,
}

impl KeystonePort {
    /// Nothing is asked yet: Keystone may come up later.
    pub fn new(settings: KeystoneSettings, clock: Arc<dyn Clock>) -> Result<Self, PortError> {
        let login = login(&settings.service_user, &settings.service_project);
        let keystone = Keystone::new(&settings.url, login, clock).map_err(|error| port(&error))?;
        Ok(Self {
            keystone,
            settings,
            backend_id: OnceCell::new(),
        })
    }
}

fn login((username, password): &(String, Secret), project: &str) -> Login {
    Login {
        username: username.clone(),
        password: password.clone(),
        user_domain: DOMAIN.to_owned(),
        project: project.to_owned(),
        project_domain: DOMAIN.to_owned(),
    }
}

fn port(error: &Error) -> PortError {
    if error.is_outage() {
        PortError::Away(error.to_string())
    } else {
        PortError::Refused(error.to_string())
    }
}

fn credential(made: skykey_keystone::Ec2Credential) -> Ec2Credential {
    Ec2Credential {
        access: made.access,
        secret: made.secret,
        user_id: made.user_id,
    }
}

#[async_trait]
impl Ec2Keys for KeystonePort {
    async fn identify(&self, access: &AccessKeyId) -> Result<Option<Ec2Identity>, PortError> {
        let found = self
            .keystone
            .identify_ec2(access)
            .await
            .map_err(|error| port(&error))?;
        Ok(found.map(|found| {
            let ours =
                |(provider, _): &&(String, String)| *provider == self.settings.identity_provider;
            Ec2Identity {
                sub: found
                    .federated
                    .iter()
                    .find(ours)
                    .map(|(_, sub)| sub.clone()),
                secret: found.secret,
                user_id: found.user_id,
                user_name: found.user_name,
                project: found.project_name,
            }
        }))
    }

    async fn create_for_backend(&self, project: &ProjectName) -> Result<Ec2Credential, PortError> {
        let login = login(&self.settings.backend_user, project.as_str());
        let token = self
            .keystone
            .password_token(&login)
            .await
            .map_err(|error| port(&error))?;
        let caller = Caller::Token(&token.token);
        self.keystone
            .create_ec2(caller, &token.user.id, &token.project.id)
            .await
            .map(credential)
            .map_err(|error| port(&error))
    }

    async fn create_for_person(
        &self,
        iam_token: &Secret,
        project: &ProjectName,
    ) -> Result<Ec2Credential, PortError> {
        let KeystoneSettings {
            identity_provider,
            protocol,
            ..
        } = &self.settings;
        let unscoped = self
            .keystone
            .federated_token(identity_provider, protocol, iam_token)
            .await
            .map_err(|error| port(&error))?;
        let projects = self
            .keystone
            .projects(&unscoped.token)
            .await
            .map_err(|error| port(&error))?;
        let found = projects
            .iter()
            .find(|found| found.name == project.as_str())
            .ok_or_else(|| {
                PortError::Refused(format!(
                    "Keystone does not let {} into the project {project}",
                    unscoped.user.name
                ))
            })?;
        let token = self
            .keystone
            .scope(&unscoped.token, &found.id)
            .await
            .map_err(|error| port(&error))?;
        let caller = Caller::Token(&token.token);
        self.keystone
            .create_ec2(caller, &token.user.id, &found.id)
            .await
            .map(credential)
            .map_err(|error| port(&error))
    }

    async fn delete(&self, user_id: &str, access: &AccessKeyId) -> Result<(), PortError> {
        self.keystone
            .delete_ec2(Caller::Own, user_id, access)
            .await
            .map(drop)
            .map_err(|error| port(&error))
    }

    async fn delete_all(&self, user_id: &str, project: &ProjectName) -> Result<usize, PortError> {
        let Some(project) = self
            .keystone
            .project_by_name(project.as_str())
            .await
            .map_err(|error| port(&error))?
        else {
            return Ok(0);
        };
        let mut deleted = 0;
        for found in self
            .keystone
            .list_ec2(Caller::Own, user_id)
            .await
            .map_err(|error| port(&error))?
        {
            if found.project_id == project.id {
                self.delete(user_id, &found.access).await?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    async fn backend_credentials(
        &self,
        project: &ProjectName,
    ) -> Result<Vec<AccessKeyId>, PortError> {
        let _ = project;
        Ok(Vec::new())
    }

    async fn delete_backend(&self, _: &ProjectName, access: &AccessKeyId) -> Result<(), PortError> {
        let login = login(
            &self.settings.backend_user,
            self.settings.backend_project.as_str(),
        );
        let token = self
            .keystone
            .password_token(&login)
            .await
            .map_err(|error| port(&error))?;
        self.delete(&token.user.id, access).await
    }

    async fn project_id(&self, project: &ProjectName) -> Result<Option<String>, PortError> {
        self.keystone
            .project_by_name(project.as_str())
            .await
            .map(|found| found.map(|project| project.id))
            .map_err(|error| port(&error))
    }

    async fn is_backend(&self, user_id: &str) -> Result<bool, PortError> {
        let ask = async || {
            let login = login(
                &self.settings.backend_user,
                self.settings.backend_project.as_str(),
            );
            self.keystone
                .password_token(&login)
                .await
                .map(|token| token.user.id)
                .map_err(|error| port(&error))
        };
        Ok(self.backend_id.get_or_try_init(ask).await? == user_id)
    }
}
