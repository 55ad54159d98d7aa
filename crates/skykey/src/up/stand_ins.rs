//! The embedded IAM and Keystone, seeded with what the surveys need.

use std::sync::Arc;

use hyper_util::service::TowerToHyperService;
use skykey_embedded::keystone::{Keystone, KeystoneSeed, ProjectSeed, Role, ServiceUserSeed};
use skykey_embedded::{ClientSeed, Directory, GrantType, Iam};
use skykey_types::{Clock, ProjectName, Survey};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

use super::doors::Doors;
use super::people;
use super::state_dir::{Secrets, StateDir};

/// The portal, as the IAM knows it.
pub(super) const PORTAL_CLIENT: &str = "skykey-portal";
/// A public client, for the command line: device code, or a browser with a loopback redirect.
const CLI_CLIENT: &str = "skykey-cli";
/// The S3 endpoint, as Keystone knows it.
pub(super) const ENDPOINT_USER: &str = "skykey-s3";
/// The user in whose name credentials are made for others.
pub(super) const BACKEND_USER: &str = "skykey";

/// What the stand-ins are told.
pub(super) struct StandIns {
    pub(super) surveys: Vec<Survey>,
    pub(super) service_project: ProjectName,
    pub(super) portal: Url,
    pub(super) iam: Url,
    pub(super) keystone: Url,
}

impl StandIns {
    /// Serves both, on the IAM's listener and Keystone's.
    pub(super) fn start(
        &self,
        state: &StateDir,
        secrets: &Secrets,
        clock: &Arc<dyn Clock>,
        (on_iam, on_keystone): (TcpListener, TcpListener),
        tasks: &mut JoinSet<()>,
        doors: &Doors,
    ) -> anyhow::Result<Arc<Directory>> {
        let folder = state.folder("iam")?;
        let seed = people::seed(&self.surveys, secrets);
        let directory = Arc::new(Directory::open(&folder, clock.clone(), seed)?);
        let clients = clients(&self.portal, secrets)?;
        let iam = Iam::open(
            &folder,
            self.iam.clone(),
            directory.clone(),
            clients,
            clock.clone(),
        )?;
        let keystone = Keystone::open(
            &state.folder("keystone")?,
            &self.keystone,
            directory.clone(),
            iam.clone(),
            keystone_seed(&self.surveys, &self.service_project, secrets),
            clock.clone(),
        )?;
        tasks.spawn(doors.door("iam")?.serve(
            on_iam,
            TowerToHyperService::new(iam.router()),
            doors.stopped.clone(),
        ));
        tasks.spawn(doors.door("keystone")?.serve(
            on_keystone,
            TowerToHyperService::new(keystone.router()),
            doors.stopped.clone(),
        ));
        Ok(directory)
    }
}

/// The portal and the command line, as the embedded IAM knows them.
fn clients(portal: &Url, secrets: &Secrets) -> anyhow::Result<Vec<ClientSeed>> {
    let scopes = |extra: &[&str]| -> Vec<String> {
        ["openid", "profile", "email", "offline_access"]
            .iter()
            .chain(extra)
            .map(|scope| (*scope).to_owned())
            .collect()
    };
    Ok(vec![
        ClientSeed {
            client_id: PORTAL_CLIENT.to_owned(),
            secret: Some(secrets.of("portal-client")),
            redirect_uris: vec![portal.join("login/callback")?.to_string()],
            grants: vec![
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ],
            scopes: scopes(&["scim:read"]),
        },
        ClientSeed {
            client_id: CLI_CLIENT.to_owned(),
            secret: None,
            redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
            grants: vec![
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::DeviceCode,
            ],
            scopes: scopes(&[]),
        },
    ])
}

/// Two projects for each survey, as on a real site: the data's, whose members are the curators, and
/// the readers', which owns nothing. The backend user is a member of all of them.
fn keystone_seed(
    surveys: &[Survey],
    service_project: &ProjectName,
    secrets: &Secrets,
) -> KeystoneSeed {
    let mut projects = vec![ProjectSeed {
        name: service_project.clone(),
        member_groups: Vec::new(),
    }];
    let mut backend_roles = Vec::new();
    for survey in surveys {
        // Whoever may write may read, so curators are among the readers.
        let readers = [&survey.readers[..], &survey.curators].concat();
        for (project, member_groups) in [
            (&survey.data_project, survey.curators.clone()),
            (&survey.readers_project, readers),
        ] {
            projects.push(ProjectSeed {
                name: project.clone(),
                member_groups,
            });
            backend_roles.push((project.clone(), Role::Member));
        }
    }
    let endpoint_roles = [Role::Service, Role::Admin]
        .map(|role| (service_project.clone(), role))
        .to_vec();
    KeystoneSeed {
        projects,
        services: vec![
            ServiceUserSeed {
                username: ENDPOINT_USER.to_owned(),
                password: secrets.of("keystone-endpoint"),
                roles: endpoint_roles,
            },
            ServiceUserSeed {
                username: BACKEND_USER.to_owned(),
                password: secrets.of("keystone-backend"),
                roles: backend_roles,
            },
        ],
    }
}
