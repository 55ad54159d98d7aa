//! What is done to a site from the command line, beside serving: bringing a survey's policies at Echo into
//! order, and suspending a project.

mod apply;
mod revoke;

use std::path::Path;

use anyhow::{Context, bail};
use skykey_broker::{Ec2Credential, Ec2Keys};
use skykey_echo::ProjectId;
use skykey_types::{AccessKeyId, Credentials, ProjectName};

use crate::config::{Config, EchoSite, KeystoneSite};
use crate::systems::SiteClients;

pub use apply::{ApplyOptions, apply};
pub use revoke::{RevokeOptions, revoke};

/// The configuration of a real site; the embedded stand-ins need none of this.
fn real_site(path: &Path) -> anyhow::Result<(Config, KeystoneSite, EchoSite)> {
    let config = Config::load(Some(path), &[])?;
    match (config.keystone.clone(), config.echo.clone()) {
        (Some(keystone), Some(echo)) => Ok((config, keystone, echo)),
        _ => bail!(
            "{} has no [keystone] and [echo]: the embedded endpoint needs no policies, it looks at rights itself",
            path.display()
        ),
    }
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
