//! The backend user, in each project that it is a member of.

use std::collections::HashMap;
use std::fmt;

use skykey_broker::PortError;
use skykey_keystone::{Caller, Ec2Credential, Error, Keystone, Login, Project, ProjectRef, Token};
use skykey_types::{AccessKeyId, ProjectName};
use tokio::sync::{Mutex, OnceCell};
use url::Url;

use super::port_error;

const MEMBER: &str = "member";

/// One client for no project, and one for each project that was asked for: each with a token that
/// it keeps, so that a password is shown once an hour for each.
pub(super) struct Backend {
    keystone: Keystone,
    login: Login,
    project_domain: String,
    url: Url,
    clients: Mutex<HashMap<ProjectName, Keystone>>,
    id: OnceCell<String>,
}

/// What the backend user is in a project.
pub(super) struct BackendProject {
    keystone: Keystone,
    user_id: String,
    pub(super) project: Project,
}

impl Backend {
    /// `keystone`, which is at `url`, logs in with `login`, which names no project.
    pub(super) fn new(keystone: Keystone, login: Login, project_domain: String, url: Url) -> Self {
        Self {
            keystone,
            login,
            project_domain,
            url,
            clients: Mutex::default(),
            id: OnceCell::new(),
        }
    }

    pub(super) fn keystone(&self) -> &Keystone {
        &self.keystone
    }

    /// The backend user's id at Keystone.
    pub(super) async fn id(&self) -> Result<&str, PortError> {
        let ask = async || self.log_in().await.map(|token| token.user.id);
        self.id.get_or_try_init(ask).await.map(String::as_str)
    }

    /// The token for no project. That it is refused can only be the login's fault.
    async fn log_in(&self) -> Result<Token, PortError> {
        self.keystone.own().await.map_err(|error| match error {
            Error::Refused { status: 401, .. } => PortError::Refused(format!(
                "{error}; [keystone.backend_user] password is wrong, or name ('{}') or domain ('{}') is: compare \
                 them with Keystone",
                self.login.username, self.login.user_domain,
            )),
            error => self.told(error),
        })
    }

    /// The error, and where Keystone should be if it is not there.
    fn told(&self, error: Error) -> PortError {
        match error {
            Error::Unreachable(_) => PortError::Away(format!(
                "{error}; see whether Keystone runs at {} ([keystone] url)",
                self.url
            )),
            error => port_error(&error),
        }
    }

    pub(super) async fn client(&self, project: &ProjectName) -> Keystone {
        let mut clients = self.clients.lock().await;
        let make = || {
            self.keystone.as_user(Login {
                project: Some(ProjectRef {
                    name: project.to_string(),
                    domain: self.project_domain.clone(),
                }),
                ..self.login.clone()
            })
        };
        clients.entry(project.clone()).or_insert_with(make).clone()
    }

    /// The backend user in `project`; `None` if it has no role there, or there is no such project.
    pub(super) async fn place(
        &self,
        project: &ProjectName,
    ) -> Result<Option<BackendProject>, PortError> {
        let keystone = self.client(project).await;
        match keystone.own().await {
            Ok(Token {
                user,
                project: Some(project),
                ..
            }) => Ok(Some(BackendProject {
                keystone,
                user_id: user.id,
                project,
            })),
            // Cannot be: the client checks that a token is for the project it was asked for.
            Ok(_) => Ok(None),
            Err(Error::Refused { .. }) => {
                // Keystone does not say whether it is the password or the project. If the password
                // is wrong, this fails as well, and says so.
                self.log_in().await?;
                Ok(None)
            }
            Err(error) => Err(self.told(error)),
        }
    }

    pub(super) async fn create(&self, project: &ProjectName) -> Result<Ec2Credential, PortError> {
        let place = self.at(project).await?;
        let made = place
            .keystone
            .create_ec2(Caller::Own, &place.user_id, &place.project.id)
            .await;
        match made {
            Err(error @ Error::Refused { .. }) => Err(self.explained(project, error).await),
            made => made.map_err(|error| port_error(&error)),
        }
    }

    /// The access key ids of the backend user's credentials for `project`.
    pub(super) async fn credentials(
        &self,
        project: &ProjectName,
    ) -> Result<Vec<AccessKeyId>, PortError> {
        let place = self.at(project).await?;
        match place.keystone.list_ec2(Caller::Own, &place.user_id).await {
            Err(error @ Error::Refused { .. }) => Err(self.explained(project, error).await),
            Err(error) => Err(port_error(&error)),
            Ok(found) => Ok(found
                .into_iter()
                .filter(|found| found.project_id == place.project.id)
                .map(|found| found.access)
                .collect()),
        }
    }

    pub(super) async fn delete(
        &self,
        project: &ProjectName,
        access: &AccessKeyId,
    ) -> Result<(), PortError> {
        let place = self.at(project).await?;
        match place
            .keystone
            .delete_ec2(Caller::Own, &place.user_id, access)
            .await
        {
            Err(error @ Error::Refused { .. }) => Err(self.explained(project, error).await),
            deleted => deleted.map(drop).map_err(|error| port_error(&error)),
        }
    }

    /// The place in which something is to be done, or why nothing can be.
    async fn at(&self, project: &ProjectName) -> Result<BackendProject, PortError> {
        match self.place(project).await? {
            Some(place) => Ok(place),
            None => Err(PortError::Refused(self.no_role(project))),
        }
    }

    /// The names of the backend user's roles in `project` as they are now; `None` if it has none.
    pub(super) async fn roles(
        &self,
        project: &ProjectName,
    ) -> Result<Option<Vec<String>>, PortError> {
        let Some(place) = self.place(project).await? else {
            return Ok(None);
        };
        match place.keystone.own_roles().await {
            // It had one when the kept token was made.
            Err(Error::Refused { .. }) => {
                self.log_in().await?;
                Ok(None)
            }
            outcome => outcome.map(Some).map_err(|error| port_error(&error)),
        }
    }

    /// Why Keystone refused: mostly a role that is missing, or has gone since the last login.
    async fn explained(&self, project: &ProjectName, error: Error) -> PortError {
        match self.roles(project).await {
            Ok(Some(roles)) if roles.iter().any(|role| role == MEMBER) => port_error(&error),
            Ok(Some(roles)) => PortError::Refused(format!(
                "{error}; the backend user {user} has only the roles {roles} in the project \
                 {project}: give it the role {MEMBER} there",
                user = self.login.username,
                roles = roles.join(", "),
            )),
            Ok(None) => PortError::Refused(self.no_role(project)),
            Err(error) => error,
        }
    }

    fn no_role(&self, project: &ProjectName) -> String {
        format!(
            "the backend user {user} has no role in the project {project} of the domain {domain}, \
             or there is no such project: give it the role {MEMBER} there (openstack role add \
             --user {user} --project {project} {MEMBER})",
            user = self.login.username,
            domain = self.project_domain,
        )
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("keystone", &self.keystone)
            .finish_non_exhaustive()
    }
}
