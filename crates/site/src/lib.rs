//! The systems of a site, and what is done to them from the command line, beside serving: looking at all of them,
//! bringing a survey's policies at Echo into order, suspending a project, connecting a JupyterHub.

mod adapters;
mod apply;
pub mod doctor;
mod jupyter;
mod revoke;
mod systems;

use anyhow::Context;
use skykey_broker::{Ec2Credential, Ec2Keys};
use skykey_echo::ProjectId;
use skykey_types::{AccessKeyId, Credentials, ProjectName, Survey};

pub use adapters::{
    EchoProver, HubServers, IamPeople, KeystonePort, KeystoneSettings, StsExchange,
};
pub use apply::{ApplyOptions, apply};
pub use jupyter::HubLines;
pub use revoke::{RevokeOptions, revoke};
pub use systems::{Clients, EchoSite, IamSite, SiteClients, Systems, hub, notebook_servers};

/// A site with a Keystone and an Echo of its own; the embedded stand-ins need no policies.
#[derive(Debug, Clone)]
pub struct RealSite {
    /// The surveys.
    pub surveys: Vec<Survey>,
    /// Keystone.
    pub keystone: KeystoneSettings,
    /// Echo.
    pub echo: EchoSite,
}

/// Keystone's id of a project, by which Echo knows it.
pub(crate) async fn project_id(
    clients: &SiteClients,
    project: &ProjectName,
) -> anyhow::Result<ProjectId> {
    let id = clients
        .keystone
        .project_id(project)
        .await?
        .with_context(|| {
            format!("the backend user has no role in the project {project}; make it a member there, or correct the survey's project in the configuration")
        })?;
    Ok(id.parse()?)
}

/// An EC2 credential of the backend user that lives as long as this value is used: whoever takes it
/// gives it back with [`Borrowed::give_back`].
pub(crate) struct Borrowed {
    project: ProjectName,
    key: Ec2Credential,
}

impl Borrowed {
    pub(crate) async fn take(clients: &SiteClients, project: &ProjectName) -> anyhow::Result<Self> {
        let key = clients
            .keystone
            .create_for_backend(project)
            .await
            .with_context(|| format!("the backend user gets no EC2 credential for {project}"))?;
        Ok(Self {
            project: project.clone(),
            key,
        })
    }

    pub(crate) fn credentials(&self) -> Credentials {
        self.key.credentials()
    }

    pub(crate) fn access(&self) -> &AccessKeyId {
        &self.key.access
    }

    pub(crate) async fn give_back(&self, clients: &SiteClients) -> anyhow::Result<()> {
        clients
            .keystone
            .delete_backend(&self.project, self.access())
            .await
            .with_context(|| {
                format!(
                    "the EC2 credential {} of the backend user in {} stayed behind; skykey's sweep deletes it within the hour",
                    self.access(),
                    self.project
                )
            })
    }
}
