//! The one place where everything is wired together.

use std::sync::Arc;

use anyhow::Context;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::service::TowerToHyperService;
use skykey_broker::{Broker, Database, KeystonePort, KeystoneSettings, Settings, Surveys, Wiring};
use skykey_embedded::keystone::{Keystone as EmbeddedKeystone, KeystoneSeed, ProjectSeed, Role, ServiceUserSeed};
use skykey_embedded::{ClientSeed, Directory, GrantType, Iam as EmbeddedIam};
use skykey_iam::{Iam, IamSettings};
use skykey_portal::PortalSettings;
use skykey_s3::{Endpoint, EndpointSettings};
use skykey_seal::KeyRing;
use skykey_store::{FileStore, ObjectStore};
use skykey_sts::{SessionTokens, StsClient};
use skykey_types::{Clock, ProjectName, Survey};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

use super::Options;
use super::announce::{UpFile, UpPerson, UpSurvey};
use super::ports::{Ports, url_of};
use super::state_dir::{Secrets, StateDir};
use super::{images, people};
use crate::config::Config;
use crate::serve::serve;

/// The region that the embedded endpoint says it is in; the one that needs no explaining to tools.
const REGION: &str = "us-east-1";
const PORTAL_CLIENT: &str = "skykey-portal";
/// A public client, for the command line: device code, or a browser with a loopback redirect.
const CLI_CLIENT: &str = "skykey-cli";
const SERVICE_PROJECT: &str = "service";
const ENDPOINT_USER: &str = "skykey-s3";
const BACKEND_USER: &str = "skykey";
/// The IAM's name at Keystone.
const IDENTITY_PROVIDER: &str = "iris-iam";
const PROTOCOL: &str = "openid";

/// Everything, running.
pub struct World {
    up: UpFile,
    broker: Arc<Broker>,
    directory: Arc<Directory>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    // Last, so that the lock goes when all else has gone.
    _state: StateDir,
}

impl World {
    /// Takes the ports and the state directory, then starts everything in the order in which one
    /// asks the other. It returns when all of it answers.
    pub async fn start(options: Options, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let config = Config::load(options.config.as_deref(), &options.surveys)?;
        let surveys = Surveys::new(config.surveys.iter().map(|configured| configured.survey.clone()).collect())?;
        let ports = Ports::take(options.listen, options.base_port).await?;
        let state = StateDir::open(&options.state)?;
        if !options.listen.is_loopback() {
            tracing::warn!(listen = %options.listen, "the embedded IAM and Keystone are meant for one machine, and now others can reach them, unencrypted");
        }
        let secrets = state.secrets()?;
        let (portal_url, iam_url, s3_url) = (url_of(&ports.portal)?, url_of(&ports.iam)?, url_of(&ports.s3)?);
        let keystone_url = url_of(&ports.keystone)?.join("v3")?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();

        // The stand-ins.
        let survey_list: Vec<Survey> = surveys.iter().cloned().collect();
        let service_project: ProjectName = SERVICE_PROJECT.parse()?;
        let backend_project = survey_list.first().map(|survey| survey.readers_project.clone());
        let directory = Arc::new(Directory::open(
            &state.folder("iam")?,
            clock.clone(),
            people::seed(&survey_list, &secrets),
        )?);
        let iam_server = EmbeddedIam::open(
            &state.folder("iam")?,
            iam_url.clone(),
            directory.clone(),
            clients(&portal_url, &secrets)?,
            clock.clone(),
        )?;
        let keystone_server = EmbeddedKeystone::open(
            &state.folder("keystone")?,
            &keystone_url,
            directory.clone(),
            iam_server.clone(),
            keystone_seed(&survey_list, &service_project, &secrets),
            clock.clone(),
        )?;
        tasks.spawn(serve(ports.iam, TowerToHyperService::new(iam_server.router()), stopped.clone()));
        tasks.spawn(serve(ports.keystone, TowerToHyperService::new(keystone_server.router()), stopped.clone()));

        // The clients, which do not know that they talk to stand-ins.
        let iam = Arc::new(Iam::new(
            IamSettings {
                issuer: iam_url.clone(),
                client_id: PORTAL_CLIENT.to_owned(),
                client_secret: secrets.of("portal-client"),
                redirect: portal_url.join("login/callback")?,
            },
            clock.clone(),
        )?);
        let keystone = KeystonePort::new(
            KeystoneSettings {
                url: keystone_url.clone(),
                identity_provider: IDENTITY_PROVIDER.to_owned(),
                protocol: PROTOCOL.to_owned(),
                service_user: (ENDPOINT_USER.to_owned(), secrets.of("keystone-endpoint")),
                backend_user: (BACKEND_USER.to_owned(), secrets.of("keystone-backend")),
                backend_project: backend_project.unwrap_or_else(|| service_project.clone()),
                service_project: service_project.to_string(),
            },
            clock.clone(),
        )?;
        let sts = StsClient::new(s3_url.clone(), REGION, clock.clone())?;

        // The broker and its doors.
        let keys = state.folder("keys")?;
        let database_path = state.path("broker.db");
        let database = Database::open(&database_path).await.with_context(|| format!("cannot open {}", database_path.display()))?;
        let broker = Arc::new(
            Broker::new(Wiring {
                surveys,
                database,
                people: iam.clone(),
                ec2: Arc::new(keystone),
                exchange: Arc::new(sts),
                tokens: SessionTokens::new(KeyRing::open_or_create(&keys.join("session-tokens.json"))?),
                at_rest: KeyRing::open_or_create(&keys.join("at-rest.json"))?,
                clock: clock.clone(),
                settings: Settings {
                    watch_every: config.watch_every,
                    iam_grace: config.iam_grace,
                    ec2_kept: config.ec2_kept,
                    join_at: iam_url.join("dashboard")?.to_string(),
                },
            })
            .await?,
        );
        let store: Arc<dyn ObjectStore> = Arc::new(FileStore::open(&state.folder("objects")?, clock.clone()).await?);
        for configured in &config.surveys {
            images::publish(store.as_ref(), configured).await?;
        }
        serve_s3(&mut tasks, ports.s3, store, &broker, &s3_url, &stopped);
        let portal = skykey_portal::router(
            broker.clone(),
            iam,
            PortalSettings {
                public: portal_url.clone(),
                s3: s3_url.clone(),
                region: REGION.to_owned(),
                join_at: iam_url.join("dashboard")?,
            },
            clock,
        );
        tasks.spawn(serve(ports.portal, TowerToHyperService::new(portal), stopped.clone()));
        tasks.spawn(broker.clone().watch(stopped));

        let up = UpFile {
            portal: portal_url,
            iam: iam_url,
            keystone: keystone_url,
            s3: s3_url,
            region: REGION.to_owned(),
            people: up_people(&secrets),
            surveys: survey_list.iter().filter_map(up_survey).collect(),
        };
        up.write(&state.path("up.json"))?;
        Ok(Self { up, broker, directory, stop, tasks, _state: state })
    }

    /// Where everything is and who can log in.
    pub fn up_file(&self) -> &UpFile {
        &self.up
    }

    /// The broker, for a test that cannot wait for the watch.
    pub fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// The embedded IAM's people, for a test that ends an account.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Takes no more requests, lets those under way end, and returns when all has stopped.
    pub async fn stop(mut self) {
        // Nobody listening any more is what is wanted.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        self.broker.database().close().await;
    }
}

fn serve_s3(
    tasks: &mut JoinSet<()>,
    listener: TcpListener,
    store: Arc<dyn ObjectStore>,
    broker: &Arc<Broker>,
    url: &Url,
    stopped: &watch::Receiver<bool>,
) {
    let mut domains = vec!["localhost".to_owned()];
    if let Some(url::Host::Domain(name)) = url.host() {
        domains.push(name.to_owned());
    }
    let endpoint =
        Endpoint::new(store, broker.clone(), EndpointSettings { region: REGION.to_owned(), domains });
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let endpoint = endpoint.clone();
        async move { endpoint.call(request.map(Into::into)).await }
    });
    tasks.spawn(serve(listener, service, stopped.clone()));
}

/// The portal and the command line, as the embedded IAM knows them.
fn clients(portal: &Url, secrets: &Secrets) -> anyhow::Result<Vec<ClientSeed>> {
    let scopes = |extra: &[&str]| -> Vec<String> {
        ["openid", "profile", "email", "offline_access"].iter().chain(extra).map(|scope| (*scope).to_owned()).collect()
    };
    Ok(vec![
        ClientSeed {
            client_id: PORTAL_CLIENT.to_owned(),
            secret: Some(secrets.of("portal-client")),
            redirect_uris: vec![portal.join("login/callback")?.to_string()],
            grants: vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials],
            scopes: scopes(&["scim:read"]),
        },
        ClientSeed {
            client_id: CLI_CLIENT.to_owned(),
            secret: None,
            redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
            grants: vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode],
            scopes: scopes(&[]),
        },
    ])
}

/// Two projects for each survey, as on a real site: the data's, whose members are the curators, and
/// the readers', which owns nothing. The backend user is a member of all of them.
fn keystone_seed(surveys: &[Survey], service_project: &ProjectName, secrets: &Secrets) -> KeystoneSeed {
    let mut projects = vec![ProjectSeed { name: service_project.clone(), member_groups: Vec::new() }];
    let mut backend_roles = Vec::new();
    for survey in surveys {
        // Whoever may write may read, so curators are among the readers.
        let readers = [&survey.readers[..], &survey.curators].concat();
        for (project, member_groups) in
            [(&survey.data_project, survey.curators.clone()), (&survey.readers_project, readers)]
        {
            projects.push(ProjectSeed { name: project.clone(), member_groups });
            backend_roles.push((project.clone(), Role::Member));
        }
    }
    let endpoint_roles = [Role::Service, Role::Admin].map(|role| (service_project.clone(), role)).to_vec();
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

fn up_people(secrets: &Secrets) -> Vec<UpPerson> {
    people::CAST
        .iter()
        .map(|(username, _, is)| UpPerson {
            username: (*username).to_owned(),
            password: secrets.of(username).expose().to_owned(),
            is: (*is).to_owned(),
        })
        .collect()
}

fn up_survey(survey: &Survey) -> Option<UpSurvey> {
    let place = survey.prefixes.first()?;
    Some(UpSurvey { name: survey.name.to_string(), bucket: place.bucket.to_string() })
}
