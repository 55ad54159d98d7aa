//! The embedded IAM and Keystone, seeded with what the surveys need.

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use hyper_util::service::TowerToHyperService;
use skykey_broker::{Store, Surveys};
use skykey_embedded::keystone::{
    IDENTITY_PROVIDER, Keystone, KeystoneSeed, PROTOCOL, ProjectSeed, Role, ServiceUserSeed,
};
use skykey_embedded::{ClientSeed, Directory, GrantType, Iam};
use skykey_iam::{IamSettings, MembershipSource};
use skykey_keystone::{DEFAULT_DOMAIN, Login, ProjectRef, Settings};
use skykey_s3_client::S3Settings;
use skykey_site::{EchoSite, IamSite, KeystoneSettings, Systems};
use skykey_types::{Clock, LoginPorts, ProjectName, Secret, Survey};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

use super::announce::{UpFile, UpSurvey};
use super::doors::Doors;
use super::people;
use super::ports::{Ports, url_of};
use super::state_dir::{Secrets, StateDir};
use crate::config::{Config, survey_named};

/// The portal, as the IAM knows it.
const PORTAL_CLIENT: &str = "skykey-portal";
/// The JupyterHub of the configuration, as the IAM knows it.
const HUB_CLIENT: &str = "jupyterhub";
/// A public client, for the command line: device code, or a browser with a loopback redirect.
const CLI_CLIENT: &str = "skykey-cli";
/// The S3 endpoint, as Keystone knows it.
const ENDPOINT_USER: &str = "skykey-s3";
/// The user in whose name credentials are made for others.
const BACKEND_USER: &str = "skykey";

/// The project of the endpoint's own user.
const SERVICE_PROJECT: &str = "service";
/// The region that the embedded endpoint says it is in; the one that needs no explaining to tools.
const REGION: &str = "us-east-1";

/// What the stand-ins are told.
pub(super) struct StandIns<'a> {
    surveys: Vec<Survey>,
    secrets: &'a Secrets,
    service_project: ProjectName,
    portal: Url,
    /// A JupyterHub whose people log in at the IAM.
    hub: Option<Url>,
    /// Where each listens, if it does.
    iam: Option<Url>,
    keystone: Option<Url>,
    s3: Option<Url>,
}

impl<'a> StandIns<'a> {
    pub(super) fn new(
        ports: &Ports,
        surveys: &Surveys,
        portal: &Url,
        hub: Option<&Url>,
        secrets: &'a Secrets,
    ) -> anyhow::Result<Self> {
        let url = |listener: &Option<TcpListener>| listener.as_ref().map(url_of).transpose();
        let keystone = url(&ports.keystone)?
            .map(|url| url.join("v3"))
            .transpose()?;
        Ok(Self {
            surveys: surveys.iter().cloned().collect(),
            secrets,
            service_project: SERVICE_PROJECT.parse()?,
            portal: portal.clone(),
            hub: hub.cloned(),
            iam: url(&ports.iam)?,
            keystone,
            s3: url(&ports.s3)?,
        })
    }

    /// The systems: those of the configuration, and in place of the others the stand-ins, described in
    /// the same words.
    pub(super) fn systems(&self, config: &Config) -> anyhow::Result<Systems> {
        let stand_ins = [&self.iam, &self.keystone, &self.s3].map(Option::as_ref);
        systems(config, stand_ins, self.secrets)
    }

    /// Serves those that have a listener; the embedded IAM's people, if it is there.
    pub(super) fn start(
        &self,
        state: &StateDir,
        clock: &Arc<dyn Clock>,
        (on_iam, on_keystone): (Option<TcpListener>, Option<TcpListener>),
        tasks: &mut JoinSet<()>,
        doors: &Doors,
    ) -> anyhow::Result<Option<Arc<Directory>>> {
        let (Some(on_iam), Some(url)) = (on_iam, &self.iam) else {
            return Ok(None);
        };
        let folder = state.folder("iam")?;
        let seed = people::seed(&self.surveys, self.secrets);
        let directory = Arc::new(Directory::open(&folder, clock.clone(), seed)?);
        let clients = clients(&self.portal, self.hub.as_ref(), self.secrets)?;
        let iam = Iam::open(
            &folder,
            url.clone(),
            directory.clone(),
            clients,
            clock.clone(),
        )?;
        if let (Some(on_keystone), Some(url)) = (on_keystone, &self.keystone) {
            let keystone = Keystone::open(
                &state.folder("keystone")?,
                url,
                directory.clone(),
                iam.clone(),
                keystone_seed(&self.surveys, &self.service_project, self.secrets),
                clock.clone(),
            )?;
            tasks.spawn(doors.inner("keystone")?.serve(
                on_keystone,
                TowerToHyperService::new(keystone.router()),
                doors.stopped.clone(),
            ));
        }
        tasks.spawn(doors.inner("iam")?.serve(
            on_iam,
            TowerToHyperService::new(iam.router()),
            doors.stopped.clone(),
        ));
        Ok(Some(directory))
    }
}

fn embedded_iam(url: &Url, secret: Secret) -> anyhow::Result<IamSite> {
    Ok(IamSite {
        client: IamSettings {
            membership: MembershipSource::Scim,
            audiences: vec![CLI_CLIENT.to_owned()],
            ..IamSettings::new(url.as_str().parse()?, PORTAL_CLIENT, secret)
        },
        cli_client_id: Some(CLI_CLIENT.to_owned()),
        cli_ports: Some(LoginPorts::Any),
        join_at: url.join("dashboard")?,
    })
}

fn embedded_keystone(url: &Url, backend: Secret, endpoint: Secret) -> KeystoneSettings {
    let login = |name: &str, password, project: Option<&str>| Login {
        username: name.to_owned(),
        password,
        user_domain: DEFAULT_DOMAIN.to_owned(),
        project: project.map(|name| ProjectRef {
            name: name.to_owned(),
            domain: DEFAULT_DOMAIN.to_owned(),
        }),
    };
    KeystoneSettings {
        client: Settings {
            url: url.clone(),
            login: login(BACKEND_USER, backend, None),
            authorities: None,
            timeouts: None,
        },
        identity_provider: IDENTITY_PROVIDER.to_owned(),
        protocol: PROTOCOL.to_owned(),
        project_domain: DEFAULT_DOMAIN.to_owned(),
        admin: Some(login(ENDPOINT_USER, endpoint, Some(SERVICE_PROJECT))),
        accept_application_credentials: true,
    }
}

fn embedded_echo(url: &Url) -> EchoSite {
    EchoSite {
        client: S3Settings::new(url.clone(), REGION),
        at_once: 32,
        admin: None,
    }
}

/// The systems of `config`, and for those that it leaves out the stand-ins (IAM, Keystone, S3 endpoint).
fn systems(
    config: &Config,
    [iam, keystone, s3]: [Option<&Url>; 3],
    secrets: &Secrets,
) -> anyhow::Result<Systems> {
    let missing = "a system is either configured or has a port here";
    let iam = match (&config.iam, iam) {
        (Some(site), _) => site.clone(),
        (None, Some(url)) => embedded_iam(url, secrets.of("portal-client"))?,
        (None, None) => bail!(missing),
    };
    let keystone = match (&config.keystone, keystone) {
        (Some(site), _) => site.clone(),
        (None, Some(url)) => {
            let [backend, endpoint] =
                ["keystone-backend", "keystone-endpoint"].map(|name| secrets.of(name));
            embedded_keystone(url, backend, endpoint)
        }
        (None, None) => bail!(missing),
    };
    let (echo, store) = match (&config.echo, s3) {
        (Some(site), _) => {
            let deletes_ec2 = keystone.admin.is_some();
            (site.clone(), Store::Ceph { deletes_ec2 })
        }
        (None, Some(url)) => (embedded_echo(url), Store::Ours),
        (None, None) => bail!(missing),
    };
    Ok(Systems {
        iam,
        keystone,
        echo,
        store,
    })
}

/// The systems and the surveys of the `skykey up` that runs on the state directory `root`, as it describes
/// itself there, for whoever looks from outside. Nothing is locked, so it runs on undisturbed.
pub(crate) fn peek(root: &Path) -> anyhow::Result<(Systems, Vec<Survey>)> {
    let up = UpFile::read(root)?;
    let secrets = Secrets::peek(root)?;
    let config = match &up.config {
        Some(path) => Config::load(Some(path), &[])?,
        None => Config::bare(),
    };
    let mut surveys: Vec<Survey> = config
        .surveys
        .iter()
        .map(|configured| configured.survey.clone())
        .collect();
    // Those of the command line, and the demo, have everything named after them.
    for UpSurvey { name, .. } in &up.surveys {
        if !surveys.iter().any(|survey| survey.name.as_str() == name) {
            surveys.push(survey_named(&name.parse()?, name.clone())?);
        }
    }
    let stand_ins = [&up.iam, &up.keystone, &up.s3].map(Some);
    Ok((systems(&config, stand_ins, &secrets)?, surveys))
}

/// The portal, the command line and the hub, as the embedded IAM knows them.
fn clients(portal: &Url, hub: Option<&Url>, secrets: &Secrets) -> anyhow::Result<Vec<ClientSeed>> {
    let scopes = |extra: &[&str]| -> Vec<String> {
        ["openid", "profile", "email", "offline_access"]
            .iter()
            .chain(extra)
            .map(|scope| (*scope).to_owned())
            .collect()
    };
    let mut clients = vec![
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
    ];
    if let Some(hub) = hub {
        let below = format!("{}/hub/oauth_callback", hub.as_str().trim_end_matches('/'));
        clients.push(ClientSeed {
            client_id: HUB_CLIENT.to_owned(),
            secret: Some(secrets.of("hub-client")),
            redirect_uris: vec![below],
            grants: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            scopes: scopes(&[]),
        });
    }
    Ok(clients)
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
