//! skykey with a fault proxy before each system, and somebody who asks its API. Behind the proxies are the
//! embedded IAM, and either the embedded Keystone and S3 or a real Keystone and a real Ceph.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skykey::config::{Config, Rounds};
use skykey::up::{Options, World};
use skykey_broker::{Caller, Ec2Keys};
use skykey_site::KeystonePort;
use skykey_types::{
    AccessKeyId, Clock, Credentials, ManualClock, ProjectName, Secret, SignedDuration, SubjectId,
    Timestamp,
};
use skykey_upstream::Timeouts;
use url::Url;

use crate::fault_proxy::tls::Authority;
use crate::fault_proxy::{Fault, Proxy};
use crate::realstack::{Stack, secret_file};
use crate::stand_ins::{PORTAL, Passwords, StandIns, Told, keystone_port};
use crate::world::{device_tokens, send_signed};

/// How long the IAM's word is good while it is silent.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// Idle time after which the backend user's key is deleted, and strays are due.
pub(crate) const UNUSED: SignedDuration = SignedDuration::from_secs(3601);
/// Who waits longer than this for a system has waited too long.
pub(crate) const TOTAL: Duration = Duration::from_secs(6);

/// A machine under load answers within one attempt.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    attempt: Duration::from_millis(2500),
    total: TOTAL,
    pause: Duration::from_millis(300),
};

/// A test on both kinds of site: `both!(name)` makes `name::embedded` and `name::real`.
macro_rules! both {
    ($($name:ident)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::faults::Site::embedded().await).await;
            })*
        }
        mod real {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(site) = crate::faults::Site::real().await {
                    super::$name(site).await;
                }
            })*
        }
    };
}
pub(crate) use both;

/// Everything, and how to break it.
pub(crate) struct Site {
    pub(crate) world: World,
    /// The time of the systems around skykey, and of skykey's own machine as long as nobody sets it.
    pub(crate) clock: ManualClock,
    /// The clock of skykey's machine.
    pub(crate) machine: MachineClock,
    pub(crate) iam: Proxy,
    pub(crate) keystone: Proxy,
    pub(crate) echo: Proxy,
    pub(crate) stand_ins: StandIns,
    pub(crate) stack: Option<Stack>,
    pub(crate) passwords: Passwords,
    pub(crate) authority: Option<Authority>,
    pub(crate) folder: tempfile::TempDir,
    /// How long leases are asked for.
    pub(crate) lifetime: u32,
    /// Keystone itself, past the proxy.
    direct: KeystonePort,
    /// The Keystone user of whom [`Site::of_person`] tells.
    owner: Option<String>,
    /// Echo itself.
    store: Url,
    http: reqwest::Client,
    tokens: HashMap<String, (Secret, Timestamp)>,
}

/// What makes a site different from the others.
#[derive(Default)]
pub(crate) struct Special {
    /// With TLS before every system.
    pub(crate) authority: Option<Authority>,
    /// `auto`, if nothing else.
    pub(crate) membership: Option<&'static str>,
    /// How many read beside bob: `p0`, `p1` and so on.
    pub(crate) class: usize,
    /// The JupyterHub.
    pub(crate) hub: Option<Url>,
    /// [`TIMEOUTS`], if nothing else.
    pub(crate) timeouts: Option<Timeouts>,
}

/// A clock that can be set otherwise than the others.
#[derive(Debug, Clone)]
pub(crate) struct MachineClock {
    right: ManualClock,
    off: Arc<Mutex<SignedDuration>>,
}

impl MachineClock {
    /// Sets it to be so much ahead of the others.
    pub(crate) fn set(&self, ahead: SignedDuration) {
        *self.off.lock().unwrap() = ahead;
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        self.right.now() + *self.off.lock().unwrap()
    }

    fn instant(&self) -> Instant {
        self.right.instant()
    }
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Site {
    pub(crate) async fn embedded() -> Self {
        Self::start(None, Special::default()).await
    }

    /// Nothing if there is no real stack.
    pub(crate) async fn real() -> Option<Self> {
        let stack = Stack::open().await?;
        let folder = tempfile::tempdir().unwrap();
        stack.put_in_order(folder.path()).await;
        Some(Self::start(Some(stack), Special::default()).await)
    }

    pub(crate) async fn start(stack: Option<Stack>, special: Special) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::now());
        let machine = MachineClock {
            right: clock.clone(),
            off: Arc::default(),
        };
        let passwords = Passwords::new();
        let [iam, keystone, echo] = [
            Proxy::start().await,
            Proxy::start().await,
            Proxy::start().await,
        ];
        let scheme = match &special.authority {
            None => "http",
            Some(authority) => {
                authority.write(&folder.path().join("authority.pem"));
                for proxy in [&iam, &keystone, &echo] {
                    proxy.speak(Some(authority.certify("127.0.0.1", 2100)));
                }
                "https"
            }
        };
        let path = folder.path().join("skykey.toml");
        let text = configuration(&Written {
            folder: folder.path().to_owned(),
            passwords: &passwords,
            stack: stack.as_ref(),
            special: &special,
            issuer: iam.url(scheme),
            keystone: keystone.url(scheme).join("v3").unwrap(),
            echo: echo.url(scheme),
        });
        std::fs::write(&path, text).unwrap();
        let timeouts = special.timeouts.unwrap_or(TIMEOUTS);
        let (options, config) = configured(folder.path(), timeouts);
        let surveys = config.surveys.iter().map(|c| c.survey.clone()).collect();
        let stand_ins = StandIns::start(Told {
            folder: &folder.path().join("stand-ins"),
            surveys,
            passwords: &passwords,
            clock: clock.clone(),
            issuer: iam.url(scheme),
            class: special.class,
        })
        .await;
        iam.lead_to(stand_ins.iam);
        let behind: [Url; 2] = match &stack {
            Some(stack) => [stack.keystone(), stack.rgw()],
            None => [
                format!("http://{}/v3", stand_ins.keystone).parse().unwrap(),
                format!("http://{}/", stand_ins.echo).parse().unwrap(),
            ],
        };
        for (proxy, url) in [&keystone, &echo].into_iter().zip(&behind) {
            proxy.lead_to(url.socket_addrs(|| None).unwrap()[0]);
        }
        let direct = direct(&behind[0], stack.as_ref(), &passwords, &clock);
        let world = World::start_configured(options, config, Arc::new(machine.clone()));
        let world = world.await.unwrap();
        // Everything is proved now, and need not be again.
        world.broker().upkeep_once().await;
        let [_, store] = behind;
        Self {
            world,
            clock,
            machine,
            iam,
            keystone,
            echo,
            stand_ins,
            stack,
            passwords,
            authority: special.authority,
            folder,
            lifetime: 3600,
            direct,
            owner: None,
            store,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            tokens: HashMap::new(),
        }
    }

    /// skykey is stopped and started again, with its database and without its memory. Its portal is at
    /// another port.
    pub(crate) async fn restart(self) -> Self {
        self.world.stop().await;
        let (options, config) = configured(self.folder.path(), TIMEOUTS);
        let clock = Arc::new(self.machine.clone());
        let world = World::start_configured(options, config, clock).await;
        let world = world.unwrap();
        Self { world, ..self }
    }

    /// Whether a fault shows anything here that it does not show elsewhere: a real system is slow to work
    /// with, and one that is hidden is hidden like an embedded one.
    pub(crate) fn is_worth_trying(&self, fault: &Fault) -> bool {
        let few = [Fault::ResetAfter, Fault::Truncated, Fault::BlackHole];
        self.stack.is_none() || few.contains(fault)
    }

    /// All three are well, and nothing has been counted.
    pub(crate) fn heal(&self) {
        for proxy in [&self.iam, &self.keystone, &self.echo] {
            proxy.heal();
        }
    }

    /// Returns a person's access token, by the device code; only while the IAM works.
    pub(crate) async fn token(&mut self, username: &str) -> Secret {
        let now = self.clock.now();
        if let Some((token, at)) = self.tokens.get(username)
            && now.duration_since(*at) < SignedDuration::from_mins(30)
        {
            return token.clone();
        }
        let token = self.login(username).await.0;
        self.tokens
            .insert(username.to_owned(), (token.clone(), now));
        token
    }

    /// A login of somebody as the portal has it: an access token, and a refresh token.
    pub(crate) async fn login(&self, username: &str) -> (Secret, Secret) {
        // Past the proxy: this is a person's browser, and not skykey.
        let iam: Url = format!("http://{}/", self.stand_ins.iam).parse().unwrap();
        let client = (PORTAL, Some(self.passwords.portal.expose()));
        let password = self.passwords.people.expose();
        let answer = device_tokens(&iam, client, username, password).await;
        let part = |name: &str| Secret::new(answer[name].as_str().unwrap_or_default());
        (part("access_token"), part("refresh_token"))
    }

    pub(crate) fn caller(&self, username: &str) -> Caller {
        let account = self.stand_ins.directory.by_username(username).unwrap();
        Caller {
            id: SubjectId {
                issuer: self.world.up_file().iam.to_string(),
                sub: account.sub,
            },
            username: username.to_owned(),
            iam_token: None,
        }
    }

    /// Asks the API for a lease to read.
    pub(crate) async fn ask(&mut self, username: &str, method: &str) -> Answer {
        let token = self.token(username).await;
        self.ask_with(&token, method).await
    }

    pub(crate) async fn ask_with(&self, token: &Secret, method: &str) -> Answer {
        let url = self.world.up_file().portal.join("api/v1/leases").unwrap();
        let wish = json!({"survey": "m13", "lifetime": self.lifetime, "method": method});
        let answer = self
            .http
            .post(url)
            .bearer_auth(token.expose())
            .json(&wish)
            .send()
            .await
            .unwrap();
        Answer {
            status: answer.status().as_u16(),
            body: answer.json().await.unwrap(),
        }
    }

    /// The same, and it is given.
    #[track_caller]
    pub(crate) fn lease(
        &mut self,
        username: &'static str,
        method: &'static str,
    ) -> impl Future<Output = Credentials> {
        let at = std::panic::Location::caller();
        async move {
            let answer = self.ask(username, method).await;
            assert_eq!(answer.status, 201, "{at}: {:?}", answer.body["error"]);
            answer.credentials()
        }
    }

    /// The status of a read of the survey, at Echo itself.
    pub(crate) async fn read(&self, credentials: &Credentials) -> u16 {
        let list = "/m13?list-type=2";
        send_signed(&self.http, &self.store, credentials, "GET", list, "")
            .await
            .0
    }

    /// The backend user's EC2 credentials for the readers, by Keystone's own word.
    pub(crate) async fn at_keystone(&self) -> BTreeSet<AccessKeyId> {
        let project: ProjectName = "m13-ro".parse().unwrap();
        let found = self.direct.backend_credentials(&project).await;
        found.unwrap().into_iter().collect()
    }

    /// How many EC2 credentials the owner of this one has at Keystone. Asked first while it is there.
    pub(crate) async fn of_person(&mut self, one: &Credentials) -> usize {
        if self.owner.is_none() {
            let found = self.direct.identify(&one.access_key_id).await.unwrap();
            self.owner = Some(found.unwrap().user_id);
        }
        let admin = self.direct.admin().unwrap();
        let owner = self.owner.as_ref().unwrap();
        let found = admin.list_ec2(skykey_keystone::Caller::Own, owner).await;
        found.unwrap().len()
    }

    /// Nobody asked for long: the backend user's credential is deleted, and strays with it.
    pub(crate) async fn grow_cold(&mut self) {
        self.clock.advance(UNUSED);
        self.world.broker().upkeep_once().await;
        assert_eq!(self.at_keystone().await.len(), 0, "all are swept");
    }

    /// How many leases are written down.
    pub(crate) async fn leases(&self, username: &str) -> usize {
        let id = self.caller(username).id;
        self.world.broker().leases(&id).await.unwrap().len()
    }

    pub(crate) async fn stop(self) {
        self.stop_and_keep().await;
    }

    /// The folder with all that is left.
    pub(crate) async fn stop_and_keep(self) -> tempfile::TempDir {
        self.world.stop().await;
        // On a real stack nothing may be left of us.
        if self.stack.is_some() {
            let project: ProjectName = "m13-ro".parse().unwrap();
            for access in self.direct.backend_credentials(&project).await.unwrap() {
                self.direct.delete_backend(&project, &access).await.unwrap();
            }
        }
        self.folder
    }
}

impl Answer {
    pub(crate) fn credentials(&self) -> Credentials {
        let part = |name: &str| self.body["credentials"][name].as_str();
        Credentials {
            access_key_id: AccessKeyId::new(part("AccessKeyId").unwrap()),
            secret_access_key: Secret::new(part("SecretAccessKey").unwrap()),
            session_token: part("SessionToken").map(Secret::new),
            expiration: None,
        }
    }

    /// That it is refused so, in a sentence that names `system` and says what to do.
    #[track_caller]
    pub(crate) fn assert_refused(&self, what: &str, status: u16, code: &str, system: &str) {
        let error = &self.body["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        assert!(
            self.status == status && text("code") == code,
            "{what}: {status} {code} expected: {} {error}",
            self.status
        );
        let message = text("message");
        assert!(message.contains(system), "{what}: {message}");
        assert!(!message.contains("<html"), "{what}: {message}");
        let hint = if code == "upstream_away" {
            "try again in a few minutes"
        } else {
            "tell the people who run this portal"
        };
        assert!(text("hint").contains(hint), "{what}: {error}");
    }
}

fn configured(folder: &Path, timeouts: Timeouts) -> (Options, Config) {
    let path = folder.join("skykey.toml");
    let mut config = Config::load(Some(&path), &[]).unwrap();
    config.rounds = Rounds::ByHand;
    config.iam.as_mut().unwrap().client.timeouts = Some(timeouts);
    config.keystone.as_mut().unwrap().client.timeouts = Some(timeouts);
    config.echo.as_mut().unwrap().client.timeouts = Some(timeouts);
    let options = Options {
        state: folder.join("state"),
        base_port: 0,
        listen: "127.0.0.1".parse().unwrap(),
        surveys: Vec::new(),
        config: Some(path),
    };
    (options, config)
}

struct Written<'a> {
    folder: PathBuf,
    passwords: &'a Passwords,
    stack: Option<&'a Stack>,
    special: &'a Special,
    issuer: Url,
    keystone: Url,
    echo: Url,
}

fn configuration(written: &Written<'_>) -> String {
    let Written {
        folder,
        passwords,
        stack,
        special,
        issuer,
        keystone,
        echo,
    } = written;
    secret_file(&folder.join("portal"), &passwords.portal);
    let mut text = format!(
        r#"
[watch]
iam_grace = "5m"

[proof]
every = "10000h"

[backend]
unused_after = "1h"

[iam]
issuer = "{issuer}"
client_id = "{PORTAL}"
client_secret = {{ file = "portal" }}
membership = "{}"
"#,
        special.membership.unwrap_or("auto")
    );
    let mut rest = if let Some(stack) = stack {
        stack.sections(folder, keystone, echo)
    } else {
        secret_file(&folder.join("backend"), &passwords.backend);
        secret_file(&folder.join("admin"), &passwords.admin);
        format!(
            r#"
[keystone]
url = "{keystone}"
identity_provider = "iris-iam"
backend_user = {{ name = "skykey", password = {{ file = "backend" }} }}
admin_user = {{ name = "skykey-s3", password = {{ file = "admin" }}, project = "service" }}

[echo]
endpoint = "{echo}"

[[survey]]
name = "m13"
methods = ["sts-lite", "assume-role", "ec2"]
roles = {{ read = "arn:aws:iam:::role/skykey-m13-readers" }}
"#
        )
    };
    if let Some(hub) = &special.hub {
        let section = format!("[jupyterhub]\nurl = \"{hub}\"\nmethod = \"sts-lite\"\n");
        text.push_str(&section);
    }
    if special.authority.is_some() {
        let line = "authorities = \"authority.pem\"\n";
        text.push_str(line);
        rest = rest
            .replace("[keystone]\n", &format!("[keystone]\n{line}"))
            .replace("[echo]\n", &format!("[echo]\n{line}"));
    }
    text + &rest
}

fn direct(
    url: &Url,
    stack: Option<&Stack>,
    passwords: &Passwords,
    clock: &ManualClock,
) -> KeystonePort {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    match stack {
        None => keystone_port(
            url.clone(),
            ("skykey", &passwords.backend),
            ("skykey-s3", &passwords.admin),
            clock,
        ),
        Some(stack) => keystone_port(
            url.clone(),
            ("skykey", &stack.password("skykey")),
            ("skykey-admin", &stack.password("skykey-admin")),
            clock,
        ),
    }
}
