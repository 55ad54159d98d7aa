//! The one place where everything is wired together.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use hyper::service::service_fn;
use hyper_util::service::TowerToHyperService;
use skykey_broker::{Broker, Database, NotebookServers, Settings, Store, Surveys, Wiring};
use skykey_database::SqliteDatabase;
use skykey_embedded::Directory;
use skykey_hub::Hub;
use skykey_iam::Iam;
use skykey_portal::{JupyterSettings, PortalSettings};
use skykey_s3::{Endpoint, EndpointSettings};
use skykey_s3_client::S3Settings;
use skykey_seal::KeyRing;
use skykey_serve::{Door, RequestBody, health_router, public_health_router};
use skykey_site::{Clients, EchoProver, IamPeople, StsExchange, Systems, notebook_servers};
use skykey_store::{FileStore, ObjectStore};
use skykey_sts::SessionTokens;
use skykey_types::{Clock, SteadyClock, Survey, SystemClock};
use skykey_upstream::UpstreamMetrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

use super::Options;
use super::announce::{UpFile, UpPerson, UpSurvey};
use super::doors::Doors;
use super::ports::{Ports, url_of};
use super::readiness::Ready;
use super::stand_ins::StandIns;
use super::state_dir::{Secrets, StateDir};
use super::{images, people, time};
use crate::config::{Config, HubSite, PortalSite, Rounds};

/// The client that stops notebook servers.
type Servers = Arc<dyn NotebookServers>;
/// The hub, and what its notebook servers receive.
type Jupyter = (Arc<Hub>, JupyterSettings);

/// Everything, running.
pub struct World {
    up: UpFile,
    broker: Arc<Broker>,
    directory: Option<Arc<Directory>>,
    metrics: UpstreamMetrics,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    // Last, so that the lock goes when all else has gone.
    state: StateDir,
}

impl World {
    /// Takes the ports and the state directory, then starts everything in the order in which one
    /// asks the other. It returns when all that is ours answers.
    pub async fn start(options: Options, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let config = Config::load(options.config.as_deref(), &options.surveys)?;
        Self::start_configured(options, config, clock).await
    }

    /// The same with a configuration that has been read, and perhaps changed, already.
    pub async fn start_configured(
        options: Options,
        config: Config,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        // From here on nobody sees time go back.
        let steady = SteadyClock::over(clock);
        let clock: Arc<dyn Clock> = Arc::new(steady.clone());
        let surveys = config.surveys.iter();
        let surveys = Surveys::new(
            surveys
                .map(|configured| configured.survey.clone())
                .collect(),
        )?;
        let ports = Ports::take(&options, &config).await?;
        let state = StateDir::open(&options.state)?;
        let secrets = state.secrets()?;
        let portal_url = match &config.portal.public {
            Some(url) => url.clone(),
            None => url_of(&ports.portal)?,
        };
        let (stop, stopped) = watch::channel(false);
        let doors = Doors::new(&config, clock.clone(), stopped.clone());
        let metrics = UpstreamMetrics::default();
        metrics.register(&mut doors.metrics().registry());
        let mut tasks = JoinSet::new();

        // What is not a real system is a stand-in; the clients do not know which they talk to.
        let hub_url = config.jupyterhub.as_ref().map(|site| &site.client.url);
        let stand_ins = StandIns::new(&ports, &surveys, &portal_url, hub_url, &secrets)?;
        let systems = stand_ins.systems(&config)?;
        warn_unless_loopback(&options, &config);
        warn_of_plain_http(ports.portal.local_addr()?, &config);
        let clients = systems.clients(portal_url.join("login/callback")?, &clock, &metrics)?;
        let listeners = (ports.iam, ports.keystone);
        let directory = stand_ins.start(&state, &clock, listeners, &mut tasks, &doors)?;

        // The broker and its doors.
        let database = open_database(&state, &steady).await?;
        let (jupyter, servers) = hub_clients(config.jupyterhub.as_ref(), &clock, &metrics)?;
        let around = (&systems, &clients, servers);
        let broker = open_broker(surveys, database, &config, around, &state, &clock).await?;
        broker.metrics().register(&mut doors.metrics().registry());
        if let (Some(listener), Store::Ours) = (ports.s3, systems.store) {
            let store = open_store(&state, &config, &clock).await?;
            let endpoint = s3_endpoint(store, &broker, &systems.echo.client, &clients.iam);
            let door = doors.inner("s3")?;
            tasks.spawn(serve_s3(door, listener, endpoint, stopped.clone()));
        }
        let hub = jupyter.as_ref().map(|(hub, _)| hub.upstream());
        let ready = Ready::new(&clients, hub, &broker, clock.clone(), options.state.clone());
        let ready = Arc::new(ready);
        let settings = portal_settings(&portal_url, &systems, jupyter);
        let portal = skykey_portal::router(broker.clone(), clients.iam.clone(), settings, clock)
            .merge(public_health_router(ready.clone()));
        tasks.spawn(doors.portal()?.serve(
            ports.portal,
            TowerToHyperService::new(portal),
            stopped.clone(),
        ));
        if let Some(listener) = ports.health {
            let health = health_router(ready, doors.metrics().clone());
            tasks.spawn(doors.inner("health")?.serve(
                listener,
                TowerToHyperService::new(health),
                stopped.clone(),
            ));
        }
        if config.rounds == Rounds::InTheBackground {
            tasks.spawn(time::tell(steady, stopped.clone()));
            tasks.spawn(broker.clone().watch(stopped.clone()));
            tasks.spawn(broker.clone().follow(stopped.clone()));
            tasks.spawn(broker.clone().stop_servers(stopped.clone()));
            tasks.spawn(broker.clone().upkeep(stopped));
        }

        let up = UpFile {
            portal: portal_url,
            iam: Url::parse(systems.iam.client.issuer.as_str())?,
            keystone: systems.keystone.client.url.clone(),
            s3: systems.echo.client.endpoint.clone(),
            region: systems.echo.client.region.clone(),
            people: match directory {
                Some(_) => up_people(&secrets),
                None => Vec::new(),
            },
            surveys: broker.surveys().iter().filter_map(up_survey).collect(),
            config: options
                .config
                .as_deref()
                .map(std::path::absolute)
                .transpose()?,
        };
        up.write(&state.path("up.json"))?;
        Ok(Self {
            up,
            broker,
            directory,
            metrics,
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
    pub fn directory(&self) -> Option<&Arc<Directory>> {
        self.directory.as_ref()
    }

    /// The calls to the systems around, counted.
    pub fn upstream_metrics(&self) -> &UpstreamMetrics {
        &self.metrics
    }

    /// Takes no more requests, lets those under way end, and returns when all has stopped.
    pub async fn stop(mut self) {
        // Nobody listening any more is what is wanted.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        self.broker.shut_down().await;
        if let Err(error) = self.state.remove_up_file() {
            tracing::warn!(%error, "up.json stays behind; nothing that it names answers any more");
        }
    }
}

fn portal_settings(public: &Url, systems: &Systems, jupyter: Option<Jupyter>) -> PortalSettings {
    PortalSettings {
        public: public.clone(),
        s3: systems.echo.client.endpoint.clone(),
        region: systems.echo.client.region.clone(),
        join_at: systems.iam.join_at.clone(),
        jupyter,
        cli_client_id: systems.iam.cli_client_id.clone(),
        cli_ports: systems.iam.cli_ports.clone(),
    }
}

/// Creates the clients of the JupyterHub: the portal's, and the one that stops notebook servers.
fn hub_clients(
    site: Option<&HubSite>,
    clock: &Arc<dyn Clock>,
    metrics: &UpstreamMetrics,
) -> anyhow::Result<(Option<Jupyter>, Option<Servers>)> {
    let Some(HubSite { client, notebooks }) = site else {
        return Ok((None, None));
    };
    let hub = Arc::new(skykey_site::hub(client, clock, metrics)?);
    let servers = notebook_servers(client, notebooks.user, metrics)?;
    Ok((Some((hub, notebooks.clone())), servers))
}

async fn open_broker(
    surveys: Surveys,
    database: Arc<dyn Database>,
    config: &Config,
    (systems, clients, servers): (&Systems, &Clients, Option<Servers>),
    state: &StateDir,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<Broker>> {
    let keys = state.folder("keys")?;
    let at_rest = Arc::new(KeyRing::open_or_create(&keys.join("at-rest.json"))?);
    let tokens = SessionTokens::new(KeyRing::open_or_create(&keys.join("session-tokens.json"))?);
    let people = IamPeople::new(
        clients.iam.clone(),
        database.clone(),
        at_rest.clone(),
        clock.clone(),
    );
    let wiring = Wiring {
        surveys,
        database,
        people: Arc::new(people),
        ec2: clients.site.keystone.clone(),
        machines: clients.site.keystone.tokens(),
        exchange: Arc::new(StsExchange(clients.site.sts.clone())),
        prover: Arc::new(EchoProver(clients.site.echo.clone())),
        servers,
        tokens,
        at_rest,
        clock: clock.clone(),
        settings: Settings {
            watch_every: config.watch_every,
            iam_grace: config.iam_grace,
            ec2_kept: config.ec2_kept,
            join_at: systems.iam.join_at.to_string(),
            prove_every: config.prove_every,
            store: systems.store,
            backend: config.backend.clone(),
            hand_out: config.hand_out.clone(),
        },
    };
    Ok(Arc::new(Broker::new(wiring).await?))
}

fn s3_endpoint(
    store: Arc<dyn ObjectStore>,
    broker: &Arc<Broker>,
    echo: &S3Settings,
    iam: &Arc<Iam>,
) -> Endpoint {
    let mut domains = vec!["localhost".to_owned()];
    if let Some(url::Host::Domain(name)) = echo.endpoint.host() {
        domains.push(name.to_owned());
    }
    Endpoint::new(
        store,
        broker.clone(),
        EndpointSettings {
            region: echo.region.clone(),
            domains,
            web_identity: Some(iam.clone()),
            clock: Arc::new(SystemClock),
        },
    )
}

async fn serve_s3(
    door: Door,
    listener: TcpListener,
    endpoint: Endpoint,
    stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: hyper::Request<RequestBody>| {
        let endpoint = endpoint.clone();
        async move { Ok::<_, Infallible>(endpoint.call(request).await) }
    });
    door.serve(listener, service, stopped).await;
}

fn warn_unless_loopback(options: &Options, config: &Config) {
    if !options.listen.is_loopback() && (config.iam.is_none() || config.keystone.is_none()) {
        tracing::warn!(
            listen = %options.listen,
            "the embedded IAM and Keystone are meant for one machine, and now others can reach them, unencrypted"
        );
    }
}

/// Passwords, tokens and credentials pass through the portal.
fn warn_of_plain_http(listens: SocketAddr, config: &Config) {
    if is_in_clear(listens, &config.portal) {
        tracing::warn!(
            %listens,
            "the portal is plain HTTP, and others than this machine can reach it: logins and credentials can be read on \
             the way; name [portal] certificate and key, or let a proxy end TLS and write its https address in public"
        );
    }
}

/// Whether others than this machine reach the portal, and nobody is known to end TLS.
fn is_in_clear(listens: SocketAddr, portal: &PortalSite) -> bool {
    let by_proxy = portal
        .public
        .as_ref()
        .is_some_and(|url| url.scheme() == "https");
    portal.tls.is_none() && !by_proxy && !listens.ip().is_loopback()
}

/// The database, behind whose newest entry time does not go back.
async fn open_database(state: &StateDir, clock: &SteadyClock) -> anyhow::Result<Arc<dyn Database>> {
    let path = state.path("broker.db");
    let cannot_open = || format!("cannot open {}", path.display());
    let database = SqliteDatabase::open(&path)
        .await
        .with_context(cannot_open)?;
    time::go_on_from(clock, &database)
        .await
        .with_context(cannot_open)?;
    Ok(Arc::new(database))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_that_others_reach_is_warned_of() {
        let public = |url: &str| PortalSite {
            public: Some(url.parse().unwrap()),
            ..PortalSite::default()
        };
        let clear =
            |listens: &str, portal: &PortalSite| is_in_clear(listens.parse().unwrap(), portal);
        assert!(clear("0.0.0.0:80", &public("http://skykey.example.org/")));
        assert!(clear("10.0.0.1:80", &PortalSite::default()));
        assert!(!clear("127.0.0.1:80", &public("http://localhost/")));
        assert!(!clear(
            "10.0.0.1:80",
            &public("https://skykey.example.org/")
        ));
    }
}
