//! OpenStack Keystone as the broker's [`Ec2Keys`].

mod backend;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use skykey_broker::{
    Ec2Credential, Ec2Identity, Ec2Keys, KeystoneToken, KeystoneTokens, PersonsKey, PortError,
};
use skykey_keystone::{Caller, Error, FederatedLogin, Keystone, ProjectRef, Token};
use skykey_types::{AccessKeyId, Clock, ProjectName, Secret};
use skykey_upstream::{Upstream, UpstreamMetrics};

use self::backend::Backend;
pub use self::settings::KeystoneSettings;

/// The client, as the backend user, as the administrator where there is one, and at need as a
/// person.
#[derive(Debug)]
pub struct KeystonePort {
    backend: Backend,
    admin: Option<Keystone>,
    identity_provider: String,
    protocol: String,
    project_domain: String,
    accept_application_credentials: bool,
}

impl KeystonePort {
    /// Creates the clients; they send no request yet, since Keystone may start later.
    pub fn new(
        settings: KeystoneSettings,
        metrics: &UpstreamMetrics,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PortError> {
        let KeystoneSettings {
            client,
            identity_provider,
            protocol,
            project_domain,
            admin,
            accept_application_credentials,
        } = settings;
        let (login, url) = (client.login.clone(), client.url.clone());
        let keystone = Keystone::new(client, metrics, clock).map_err(|error| port_error(&error))?;
        Ok(Self {
            admin: admin.map(|login| keystone.as_user(login)),
            backend: Backend::new(keystone, login, project_domain.clone(), url),
            identity_provider,
            protocol,
            project_domain,
            accept_application_credentials,
        })
    }

    /// The connections to Keystone, for whoever wants to know how it is doing.
    pub fn upstream(&self) -> &Upstream {
        self.backend.keystone().upstream()
    }

    /// The client as the backend user, with tokens for no project.
    pub fn backend(&self) -> &Keystone {
        self.backend.keystone()
    }

    /// The client as the backend user in `project`. Its token is kept and shared.
    pub async fn backend_in(&self, project: &ProjectName) -> Keystone {
        self.backend.client(project).await
    }

    /// Returns itself as the verifier of machines' tokens, if the site accepts these.
    pub fn tokens(self: &Arc<Self>) -> Option<Arc<dyn KeystoneTokens>> {
        let accepts = self.accept_application_credentials;
        accepts.then(|| self.clone() as Arc<dyn KeystoneTokens>)
    }

    /// The client as the administrator, if one is configured.
    pub fn admin(&self) -> Option<&Keystone> {
        self.admin.as_ref()
    }

    /// The names of the backend user's roles in `project` as they are now; `None` if it has none, or
    /// there is no such project. It needs the role `member`.
    pub async fn backend_roles(
        &self,
        project: &ProjectName,
    ) -> Result<Option<Vec<String>>, PortError> {
        self.backend.roles(project).await
    }

    /// The administrator's client, or what it means that there is none.
    fn admin_for(&self, lost: &str) -> Result<&Keystone, PortError> {
        self.admin.as_ref().ok_or_else(|| {
            PortError::Refused(format!(
                "[keystone.admin_user] is not configured, so skykey cannot {lost}; configure an \
                 administrator, or leave it to OpenStack"
            ))
        })
    }

    /// The `sub` by which a user came from our IAM by our protocol. Nobody's if they are several people
    /// there.
    fn only_sub<'a>(&self, logins: &'a [FederatedLogin]) -> Option<&'a str> {
        let mut ours = logins.iter().filter(|login| {
            login.provider == self.identity_provider && login.protocol == self.protocol
        });
        match (ours.next(), ours.next()) {
            (Some(only), None) => Some(&only.unique_id),
            _ => None,
        }
    }

    /// The id of a project that the backend user need not be in.
    async fn any_project_id(&self, project: &ProjectName) -> Result<Option<String>, PortError> {
        if let Some(id) = self.project_id(project).await? {
            return Ok(Some(id));
        }
        let Some(admin) = &self.admin else {
            return Ok(None);
        };
        let wanted = ProjectRef {
            name: project.to_string(),
            domain: self.project_domain.clone(),
        };
        let found = admin
            .project_by_name(&wanted)
            .await
            .map_err(|error| port_error(&error))?;
        Ok(found.map(|found| found.id))
    }
}

/// Returns Keystone's error as the port's.
fn port_error(error: &Error) -> PortError {
    super::port_error(error.kind(), error)
}

fn credential(made: skykey_keystone::Ec2Credential) -> Ec2Credential {
    Ec2Credential {
        access: made.access,
        secret: made.secret,
        user_id: made.user_id,
    }
}

impl KeystonePort {
    /// A token of the person whose IAM access token this is, for `project`.
    async fn person_token(
        &self,
        iam_token: &Secret,
        project: &ProjectName,
    ) -> Result<Token, PortError> {
        let keystone = self.backend.keystone();
        let unscoped = keystone
            .federated_token(&self.identity_provider, &self.protocol, iam_token)
            .await
            .map_err(|error| port_error(&error))?;
        let mut projects = keystone
            .projects(Caller::Token(&unscoped.token))
            .await
            .map_err(|error| port_error(&error))?;
        projects.retain(|found| found.name == project.as_str());
        if projects.len() > 1 {
            // The name occurs in several domains.
            let ours = self.any_project_id(project).await?;
            projects.retain(|found| ours.as_ref() == Some(&found.id));
        }
        let found = projects.first().ok_or_else(|| {
            PortError::Refused(format!(
                "Keystone does not let {} into the project {project}",
                unscoped.user.name
            ))
        })?;
        keystone
            .scope(&unscoped.token, &found.id)
            .await
            .map_err(|error| port_error(&error))
    }

    async fn create_with(&self, token: &Token) -> Result<Ec2Credential, PortError> {
        let Some(project) = &token.project else {
            return Err(PortError::Refused("the token is for no project".to_owned()));
        };
        self.backend
            .keystone()
            .create_ec2(Caller::Token(&token.token), &token.user.id, &project.id)
            .await
            .map(credential)
            .map_err(|error| port_error(&error))
    }
}

#[async_trait]
impl Ec2Keys for KeystonePort {
    async fn identify(&self, access: &AccessKeyId) -> Result<Option<Ec2Identity>, PortError> {
        let admin = self.admin_for("ask Keystone whose an EC2 credential is")?;
        let found = admin
            .identify_ec2(access)
            .await
            .map_err(|error| port_error(&error))?;
        Ok(found.map(|found| {
            let ours = |login: &&FederatedLogin| login.provider == self.identity_provider;
            Ec2Identity {
                sub: found
                    .federated
                    .iter()
                    .find(ours)
                    .map(|login| login.unique_id.clone()),
                secret: found.secret,
                user_id: found.user_id,
                user_name: found.user_name,
                project: found.project_name,
            }
        }))
    }

    async fn project_id(&self, project: &ProjectName) -> Result<Option<String>, PortError> {
        Ok(self
            .backend
            .place(project)
            .await?
            .map(|place| place.project.id))
    }

    async fn create_for_backend(&self, project: &ProjectName) -> Result<Ec2Credential, PortError> {
        self.backend.create(project).await.map(credential)
    }

    async fn create_for_person(
        &self,
        iam_token: &Secret,
        project: &ProjectName,
    ) -> Result<Ec2Credential, PortError> {
        let token = self.person_token(iam_token, project).await?;
        self.create_with(&token).await
    }

    async fn of_person(
        &self,
        iam_token: &Secret,
        project: &ProjectName,
    ) -> Result<PersonsKey, PortError> {
        let token = self.person_token(iam_token, project).await?;
        let Some(project) = &token.project else {
            return Err(PortError::Refused("the token is for no project".to_owned()));
        };
        let found = self
            .backend
            .keystone()
            .list_ec2(Caller::Token(&token.token), &token.user.id)
            .await
            .map_err(|error| port_error(&error))?;
        if let Some(own) = found.into_iter().find(|own| own.project_id == project.id) {
            return Ok(PersonsKey {
                key: credential(own),
                made: false,
            });
        }
        Ok(PersonsKey {
            key: self.create_with(&token).await?,
            made: true,
        })
    }

    async fn delete(&self, user_id: &str, access: &AccessKeyId) -> Result<(), PortError> {
        self.admin_for("delete the EC2 credentials of people")?
            .delete_ec2(Caller::Own, user_id, access)
            .await
            .map(drop)
            .map_err(|error| port_error(&error))
    }

    async fn delete_all(&self, user_id: &str, project: &ProjectName) -> Result<usize, PortError> {
        let admin = self.admin_for("delete the EC2 credentials of people")?;
        let Some(project) = self.any_project_id(project).await? else {
            return Ok(0);
        };
        let mut deleted = 0;
        for found in admin
            .list_ec2(Caller::Own, user_id)
            .await
            .map_err(|error| port_error(&error))?
        {
            if found.project_id == project {
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
        self.backend.credentials(project).await
    }

    async fn delete_backend(
        &self,
        project: &ProjectName,
        access: &AccessKeyId,
    ) -> Result<(), PortError> {
        self.backend.delete(project, access).await
    }

    async fn user_of(&self, sub: &str) -> Result<Option<String>, PortError> {
        let admin = self.admin_for("find the Keystone user of somebody who left")?;
        admin
            .user_by_login(&self.identity_provider, &self.protocol, sub)
            .await
            .map_err(|error| port_error(&error))
    }

    async fn administrator(&self) -> Result<(), PortError> {
        let Some(admin) = &self.admin else {
            return Ok(());
        };
        admin
            .own()
            .await
            .map(drop)
            .map_err(|error| port_error(&error))
    }

    async fn is_backend(&self, user_id: &str) -> Result<bool, PortError> {
        Ok(self.backend.id().await? == user_id)
    }
}

#[async_trait]
impl KeystoneTokens for KeystonePort {
    async fn shown(&self, token: &Secret) -> Result<Option<KeystoneToken>, PortError> {
        let admin = self.admin_for("ask Keystone whose a token is")?;
        let Some(shown) = admin
            .shown_token(token)
            .await
            .map_err(|error| port_error(&error))?
        else {
            return Ok(None);
        };
        // Deleted a moment ago.
        let Some(user) = admin
            .user(&shown.user.id)
            .await
            .map_err(|error| port_error(&error))?
        else {
            return Ok(None);
        };
        Ok(Some(KeystoneToken {
            sub: self.only_sub(&user.federated).map(str::to_owned),
            user_id: user.id,
            user_name: user.name,
            enabled: user.enabled,
            methods: shown.methods,
            application_credential: shown
                .application_credential
                .map(|credential| (credential.id, credential.restricted)),
            expires: shown.expires,
        }))
    }
}
