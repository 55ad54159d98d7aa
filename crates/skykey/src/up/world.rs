//! The one place where everything is wired together.

use std::sync::Arc;

use anyhow::Context;
use hyper::service::service_fn;
use hyper_util::service::TowerToHyperService;
use skykey_broker::{
    Broker, Database, KeystoneAdmin, KeystonePort, KeystoneSettings, KeystoneUser, Settings,
    Surveys, Wiring,
};
use skykey_embedded::Directory;
use skykey_embedded::keystone::{IDENTITY_PROVIDER, PROTOCOL};
use skykey_iam::{Iam, IamSettings};
use skykey_keystone::{DEFAULT_DOMAIN, ProjectRef};
use skykey_portal::PortalSettings;
use skykey_s3::{Endpoint, EndpointSettings};
use skykey_seal::KeyRing;
use skykey_serve::RequestBody;
use skykey_store::{FileStore, ObjectStore};
use skykey_sts::{SessionTokens, StsClient};
use skykey_types::{Clock, ProjectName, Survey};
use skykey_upstream::UpstreamMetrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

use super::Options;
use super::announce::{UpFile, UpPerson, UpSurvey};
use super::doors::Doors;
use super::ports::{Ports, url_of};
use super::stand_ins::{BACKEND_USER, ENDPOINT_USER, PORTAL_CLIENT, StandIns};
use super::state_dir::{Secrets, StateDir};
use super::{images, people};
use crate::config::Config;

/// The region that the embedded endpoint says it is in; the one that needs no explaining to tools.
const REGION: &str = "us-east-1";
const SERVICE_PROJECT: &str = "service";

/// Everything, running.
pub struct World {
    up: UpFile,
    broker: Arc<Broker>,
    directory: Arc<Directory>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    // Last, so that the lock goes when all else has gone.
    state: StateDir,
}

impl World {
    /// Takes the ports and the state directory, then starts everything in the order in which one
    /// asks the other. It returns when all of it answers.
    pub async fn start(options: Options, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let config = Config::load(options.config.as_deref(), &options.surveys)?;
        let surveys = Surveys::new(
            config
                .surveys
                .iter()
                .map(|configured| configured.survey.clone())
                .collect(),
        )?;
        let ports = Ports::take(options.listen, options.base_port).await?;
        let state = StateDir::open(&options.state)?;
        warn_unless_loopback(&options);
        let secrets = state.secrets()?;
        let (portal_url, iam_url, s3_url) = (
            url_of(&ports.portal)?,
            url_of(&ports.iam)?,
            url_of(&ports.s3)?,
        );
        let keystone_url = url_of(&ports.keystone)?.join("v3")?;
        let (stop, doors) = Doors::new(clock.clone());
        let mut tasks = JoinSet::new();

        // The stand-ins.
        let service_project: ProjectName = SERVICE_PROJECT.parse()?;
        let stand_ins = StandIns {
            surveys: surveys.iter().cloned().collect(),
            service_project,
            portal: portal_url.clone(),
            iam: iam_url.clone(),
            keystone: keystone_url.clone(),
        };
        let directory = stand_ins.start(
            &state,
            &secrets,
            &clock,
            (ports.iam, ports.keystone),
            &mut tasks,
            &doors,
        )?;

        // The clients, which do not know that they talk to stand-ins.
        let iam = Arc::new(iam_client(&iam_url, &portal_url, &secrets, &clock)?);
        let keystone = keystone_client(&stand_ins, &secrets, &clock)?;
        let sts = StsClient::new(s3_url.clone(), REGION, clock.clone())?;

        // The broker and its doors.
        let keys = state.folder("keys")?;
        let broker = Arc::new(
            Broker::new(Wiring {
                surveys,
                database: open_database(&state).await?,
                people: iam.clone(),
                ec2: Arc::new(keystone),
                exchange: Arc::new(sts),
                tokens: SessionTokens::new(KeyRing::open_or_create(
                    &keys.join("session-tokens.json"),
                )?),
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
        let store = open_store(&state, &config, &clock).await?;
        serve_s3(&mut tasks, ports.s3, store, &broker, &s3_url, &doors)?;
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
        tasks.spawn(doors.door("portal")?.serve(
            ports.portal,
            TowerToHyperService::new(portal),
            doors.stopped.clone(),
        ));
        tasks.spawn(broker.clone().watch(doors.stopped));

        let up = UpFile {
            portal: portal_url,
            iam: iam_url,
            keystone: keystone_url,
            s3: s3_url,
            region: REGION.to_owned(),
            people: up_people(&secrets),
            surveys: stand_ins.surveys.iter().filter_map(up_survey).collect(),
        };
        up.write(&state.path("up.json"))?;
        Ok(Self {
            up,
            broker,
            directory,
            stop,
            tasks,
            state,
        })
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
        if let Err(error) = self.state.remove_up_file() {
            tracing::warn!(%error, "up.json stays behind; nothing that it names answers any more");
        }
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
    doors: &Doors,
) -> anyhow::Result<()> {
    let mut domains = vec!["localhost".to_owned()];
    if let Some(url::Host::Domain(name)) = url.host() {
        domains.push(name.to_owned());
    }
    let endpoint = Endpoint::new(
        store,
        broker.clone(),
        EndpointSettings {
            region: REGION.to_owned(),
            domains,
        },
    );
    let service = service_fn(move |request: hyper::Request<RequestBody>| {
        let endpoint = endpoint.clone();
        async move {
            let request = request.map(skykey_s3::Body::http_body);
            endpoint.call(request).await
        }
    });
    let door = doors.door("s3")?;
    tasks.spawn(door.serve(listener, service, doors.stopped.clone()));
    Ok(())
}

fn warn_unless_loopback(options: &Options) {
    if !options.listen.is_loopback() {
        tracing::warn!(
            listen = %options.listen,
            "the embedded IAM and Keystone are meant for one machine, and now others can reach them, unencrypted"
        );
    }
}

async fn open_database(state: &StateDir) -> anyhow::Result<Database> {
    let path = state.path("broker.db");
    Database::open(&path)
        .await
        .with_context(|| format!("cannot open {}", path.display()))
}

/// The store, with the surveys' images in it.
async fn open_store(
    state: &StateDir,
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let store = FileStore::open(&state.folder("objects")?, clock.clone()).await?;
    for configured in &config.surveys {
        images::publish(&store, configured).await?;
    }
    Ok(Arc::new(store))
}

fn iam_client(
    issuer: &Url,
    portal: &Url,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Iam> {
    let settings = IamSettings::new(
        issuer.as_str().parse()?,
        PORTAL_CLIENT,
        secrets.of("portal-client"),
        portal.join("login/callback")?,
    );
    Ok(Iam::new(settings, clock.clone())?)
}

fn keystone_client(
    stand_ins: &StandIns,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<KeystonePort> {
    let user = |name: &str, password: &str| KeystoneUser {
        name: name.to_owned(),
        password: secrets.of(password),
        domain: DEFAULT_DOMAIN.to_owned(),
    };
    let settings = KeystoneSettings {
        url: stand_ins.keystone.clone(),
        authorities: None,
        metrics: UpstreamMetrics::default(),
        identity_provider: IDENTITY_PROVIDER.to_owned(),
        protocol: PROTOCOL.to_owned(),
        project_domain: DEFAULT_DOMAIN.to_owned(),
        backend_user: user(BACKEND_USER, "keystone-backend"),
        admin_user: Some(KeystoneAdmin {
            user: user(ENDPOINT_USER, "keystone-endpoint"),
            project: ProjectRef {
                name: stand_ins.service_project.to_string(),
                domain: DEFAULT_DOMAIN.to_owned(),
            },
        }),
    };
    Ok(KeystonePort::new(settings, clock.clone())?)
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
    Some(UpSurvey {
        name: survey.name.to_string(),
        bucket: place.bucket.to_string(),
    })
}
