//! An IAM, a Keystone and an Echo to stand behind proxies: the embedded ones, wired by hand so that
//! the IAM can say that it is where its proxy is, and nobody does rounds in the background.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::service::TowerToHyperService;
use skykey_broker::{BackendSettings, Broker, HandOutSettings, Settings, Store, Surveys, Wiring};
use skykey_database::SqliteDatabase;
use skykey_echo::Echo;
use skykey_embedded::keystone::{
    IDENTITY_PROVIDER, Keystone, KeystoneSeed, PROTOCOL, ProjectSeed, Role, ServiceUserSeed,
};
use skykey_embedded::{ClientSeed, Directory, GrantType, GroupSeed, Iam, PersonSeed, Seed};
use skykey_iam::IamSettings;
use skykey_keystone::{Login, ProjectRef};
use skykey_s3::{Endpoint, EndpointSettings};
use skykey_s3_client::S3Settings;
use skykey_seal::KeyRing;
use skykey_serve::{Door, Metrics, RequestBody, ServeSettings};
use skykey_site::{EchoProver, IamPeople, KeystonePort, KeystoneSettings, StsExchange};
use skykey_store::{FileStore, ObjectStore};
use skykey_sts::{SessionTokens, StsClient};
use skykey_types::{Clock, ManualClock, Secret, SignedDuration, Survey, SystemClock, random_token};
use skykey_upstream::UpstreamMetrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

const DOMAIN: &str = "Default";
pub(crate) const PORTAL: &str = "skykey-portal";
pub(crate) const CLI: &str = "skykey-cli";

/// What nobody but the systems and their users knows.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    /// Of the portal, as the IAM's client.
    pub(crate) portal: Secret,
    /// Of the backend user at Keystone.
    pub(crate) backend: Secret,
    /// Of the administrator at Keystone.
    pub(crate) admin: Secret,
    /// Of bob and carol at the IAM.
    pub(crate) people: Secret,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let any = || Secret::new(random_token(24));
        Self {
            portal: any(),
            backend: any(),
            admin: any(),
            people: any(),
        }
    }
}

/// What they serve, and to whom.
pub(crate) struct Told<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) surveys: Vec<Survey>,
    pub(crate) passwords: &'a Passwords,
    pub(crate) clock: ManualClock,
    /// Where the IAM says that it is.
    pub(crate) issuer: Url,
    /// How many read beside bob: `p0`, `p1` and so on.
    pub(crate) class: usize,
}

/// All three, or the IAM alone, until it is dropped.
pub(crate) struct StandIns {
    pub(crate) directory: Arc<Directory>,
    pub(crate) iam: SocketAddr,
    pub(crate) keystone: SocketAddr,
    pub(crate) echo: SocketAddr,
    _stop: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl StandIns {
    pub(crate) async fn start(told: Told<'_>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let clock: Arc<dyn Clock> = Arc::new(told.clock.clone());
        let folder = |name: &str| {
            let path = told.folder.join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let [on_iam, on_keystone, on_echo] = [listen().await, listen().await, listen().await];
        let [iam, keystone, echo] =
            [&on_iam, &on_keystone, &on_echo].map(|listener| listener.local_addr().unwrap());
        let seed = people(&told.surveys, &told.passwords.people);
        let directory = Directory::open(&folder("iam"), clock.clone(), seed).unwrap();
        let directory = if told.class == 0 {
            directory
        } else {
            drop(directory);
            add_class(&folder("iam").join("directory.json"), told.class);
            Directory::open(&folder("iam"), clock.clone(), Seed::default()).unwrap()
        };
        let directory = Arc::new(directory);
        let served_iam = Iam::open(
            &folder("iam"),
            told.issuer.clone(),
            directory.clone(),
            clients(&told.passwords.portal),
            clock.clone(),
        )
        .unwrap();
        let keystone_url: Url = format!("http://{keystone}/v3").parse().unwrap();
        let served_keystone = Keystone::open(
            &folder("keystone"),
            &keystone_url,
            directory.clone(),
            served_iam.clone(),
            projects(&told.surveys, told.passwords),
            clock.clone(),
        )
        .unwrap();
        let endpoint = endpoint(&told, &clock, &folder("s3"), keystone_url, echo).await;
        let door = |name| {
            let settings = ServeSettings {
                connections_per_client: None,
                ..ServeSettings::default()
            };
            Door::new(name, &settings, &Metrics::new(), &clock).unwrap()
        };
        let router = TowerToHyperService::new(served_iam.router());
        tasks.spawn(door("iam").serve(on_iam, router, stopped.clone()));
        let router = TowerToHyperService::new(served_keystone.router());
        tasks.spawn(door("keystone").serve(on_keystone, router, stopped.clone()));
        let service = service_fn(move |request: hyper::Request<RequestBody>| {
            let endpoint = endpoint.clone();
            async move { Ok::<_, Infallible>(endpoint.call(request).await) }
        });
        tasks.spawn(door("s3").serve(on_echo, service, stopped));
        Self {
            directory,
            iam,
            keystone,
            echo,
            _stop: stop,
            _tasks: tasks,
        }
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Keystone, as the backend user and with the administrator.
pub(crate) fn keystone_port(
    url: Url,
    backend: (&str, &Secret),
    admin: (&str, &Secret),
    clock: Arc<dyn Clock>,
) -> KeystonePort {
    let login = |(name, password): (&str, &Secret), project: Option<&str>| Login {
        username: name.to_owned(),
        password: password.clone(),
        user_domain: DOMAIN.to_owned(),
        project: project.map(|name| ProjectRef {
            name: name.to_owned(),
            domain: DOMAIN.to_owned(),
        }),
    };
    let settings = KeystoneSettings {
        client: skykey_keystone::Settings {
            url,
            login: login(backend, None),
            authorities: None,
            timeouts: None,
        },
        identity_provider: IDENTITY_PROVIDER.to_owned(),
        protocol: PROTOCOL.to_owned(),
        project_domain: DOMAIN.to_owned(),
        admin: Some(login(admin, Some("service"))),
        accept_application_credentials: false,
    };
    KeystonePort::new(settings, &UpstreamMetrics::default(), clock).unwrap()
}

/// skykey's own endpoint, which asks Keystone as Ceph does, and not through any proxy.
async fn endpoint(
    told: &Told<'_>,
    clock: &Arc<dyn Clock>,
    folder: &Path,
    keystone: Url,
    echo: SocketAddr,
) -> Endpoint {
    let passwords = told.passwords;
    let keystone = keystone_port(
        keystone,
        ("skykey", &passwords.backend),
        ("skykey-s3", &passwords.admin),
        clock.clone(),
    );
    let database = SqliteDatabase::open(&folder.join("broker.db"))
        .await
        .unwrap();
    let database = Arc::new(database);
    // It asks only about people whose own EC2 credentials come here.
    let iam = IamSettings::new(
        told.issuer.as_str().parse().unwrap(),
        PORTAL,
        passwords.portal.clone(),
    );
    let metrics = UpstreamMetrics::default();
    let iam = skykey_iam::Iam::new(iam, told.issuer.clone(), &metrics, clock.clone());
    let iam = Arc::new(iam.unwrap());
    let at_rest = Arc::new(KeyRing::ephemeral());
    let people = IamPeople::new(iam, database.clone(), at_rest.clone(), clock.clone());
    let echo: Url = format!("http://{echo}/").parse().unwrap();
    let settings = S3Settings::new(echo, "us-east-1");
    let sts = StsClient::new(settings.clone(), 32, &metrics, Arc::new(SystemClock));
    let echo = Echo::new(settings, &metrics, Arc::new(SystemClock));
    let broker = Broker::new(Wiring {
        surveys: Surveys::new(told.surveys.clone()).unwrap(),
        database,
        people: Arc::new(people),
        ec2: Arc::new(keystone),
        machines: None,
        exchange: Arc::new(StsExchange(Arc::new(sts.unwrap()))),
        prover: Arc::new(EchoProver(echo.unwrap())),
        servers: None,
        tokens: SessionTokens::new(KeyRing::ephemeral()),
        at_rest,
        clock: clock.clone(),
        settings: Settings {
            watch_every: SignedDuration::from_secs(30),
            iam_grace: SignedDuration::from_mins(5),
            ec2_kept: SignedDuration::ZERO,
            join_at: told.issuer.to_string(),
            prove_every: SignedDuration::from_hours(1),
            store: Store::Ours,
            backend: BackendSettings::default(),
            hand_out: HandOutSettings::default(),
        },
    })
    .await
    .unwrap();
    let objects = folder.join("objects");
    std::fs::create_dir_all(&objects).unwrap();
    let store = FileStore::open(&objects, clock.clone()).await.unwrap();
    for survey in &told.surveys {
        for place in &survey.prefixes {
            store.create_bucket(&place.bucket).await.unwrap();
        }
    }
    let settings = EndpointSettings {
        region: "us-east-1".to_owned(),
        domains: vec!["localhost".to_owned()],
        web_identity: None,
        clock: Arc::new(SystemClock),
    };
    Endpoint::new(Arc::new(store), Arc::new(broker), settings)
}

/// Adds people who are as bob is, with his password: to hash it for each would take too long.
fn add_class(path: &Path, count: usize) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
    let people = state["people"].as_object_mut().unwrap();
    let bob = people
        .values()
        .find(|person| person["account"]["username"] == "bob")
        .unwrap()
        .clone();
    for number in 0..count {
        let sub = format!("00000000-0000-4000-8000-{number:012}");
        let mut person = bob.clone();
        person["account"]["sub"] = sub.clone().into();
        person["account"]["username"] = format!("p{number}").into();
        people.insert(sub, person);
    }
    std::fs::write(path, state.to_string()).unwrap();
}

/// bob reads, carol curates.
fn people(surveys: &[Survey], password: &Secret) -> Seed {
    let all = |of: fn(&Survey) -> &Vec<skykey_types::GroupPath>| -> BTreeSet<_> {
        surveys.iter().flat_map(|s| of(s).iter().cloned()).collect()
    };
    let (readers, curators) = (all(|s| &s.readers), all(|s| &s.curators));
    let groups = readers.union(&curators).map(|path| GroupSeed {
        path: path.clone(),
        description: path.to_string(),
    });
    let person = |username: &str, groups: &BTreeSet<_>| PersonSeed {
        username: username.to_owned(),
        given_name: username.to_owned(),
        family_name: "Test".to_owned(),
        email: format!("{username}@example.org"),
        is: "somebody".to_owned(),
        password: password.clone(),
        groups: groups.clone(),
        manages: BTreeSet::new(),
    };
    Seed {
        groups: groups.collect(),
        people: vec![person("bob", &readers), person("carol", &curators)],
    }
}

fn clients(portal: &Secret) -> Vec<ClientSeed> {
    let client =
        |id: &str, secret: Option<Secret>, grants: Vec<GrantType>, extra: &[&str]| ClientSeed {
            client_id: id.to_owned(),
            secret,
            redirect_uris: vec!["http://127.0.0.1/login/callback".to_owned()],
            grants,
            scopes: ["openid", "profile", "offline_access"]
                .iter()
                .chain(extra)
                .map(|scope| (*scope).to_owned())
                .collect(),
        };
    let device = vec![GrantType::RefreshToken, GrantType::DeviceCode];
    vec![
        client(
            PORTAL,
            Some(portal.clone()),
            GrantType::ALL.to_vec(),
            &["scim:read"],
        ),
        client(CLI, None, device, &[]),
    ]
}

fn projects(surveys: &[Survey], passwords: &Passwords) -> KeystoneSeed {
    let service = "service".parse().unwrap();
    let mut projects = vec![ProjectSeed {
        name: service,
        member_groups: Vec::new(),
    }];
    let mut backend = Vec::new();
    for survey in surveys {
        let readers = [&survey.readers[..], &survey.curators].concat();
        for (project, member_groups) in [
            (&survey.data_project, survey.curators.clone()),
            (&survey.readers_project, readers),
        ] {
            backend.push((project.clone(), Role::Member));
            projects.push(ProjectSeed {
                name: project.clone(),
                member_groups,
            });
        }
    }
    let admin = [Role::Service, Role::Admin].map(|role| (projects[0].name.clone(), role));
    KeystoneSeed {
        services: vec![
            ServiceUserSeed {
                username: "skykey-s3".to_owned(),
                password: passwords.admin.clone(),
                roles: admin.to_vec(),
            },
            ServiceUserSeed {
                username: "skykey".to_owned(),
                password: passwords.backend.clone(),
                roles: backend,
            },
        ],
        projects,
    }
}
