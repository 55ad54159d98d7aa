//! A broker with its fakes and a database in a folder of its own. When it goes, no secret may be
//! found on the disk.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skykey_broker::People as _;
use skykey_broker::{
    AuditEntry, BackendSettings, Broker, Caller, Denied, HandOutSettings, Issued, KeyOwner,
    KeystoneToken, LeaseFields, LeaseRequest, Principal, Renewal, Settings, Store, Surveys, Wiring,
};
use skykey_database::SqliteDatabase;
use skykey_seal::KeyRing;
use skykey_sts::SessionTokens;
use skykey_types::{
    Access, AccessKeyId, Clock, Credentials, Lifetime, Limits, ManualClock, Method, RequestId,
    Roles, Secret, SignedDuration, Survey, Timestamp,
};
use tempfile::TempDir;

use super::fakes::{FakeKeystone, FakePeople, FakeProver, FakeSts, ISSUER};
use super::hub::FakeHub;

/// How long the IAM may be away before leases are no longer issued, in seconds.
pub const GRACE: i64 = 600;
/// The watch sleeps by the machine's clock.
pub const WATCH_EVERY: Duration = Duration::from_millis(1);
/// Where a person asks to join a group.
pub const JOIN_AT: &str = "https://iam.example/dashboard";

/// In it: `alice` and `bob` read, `carol` curates, `dave` is in no group. The survey `demo` offers
/// every method, `plain` only `gateway`, `brief` lasts two hours at most.
pub struct World {
    /// The clock, which stands still until a test moves it.
    pub clock: ManualClock,
    /// The IAM.
    pub people: Arc<FakePeople>,
    /// Keystone.
    pub keystone: Arc<FakeKeystone>,
    /// The STS.
    pub sts: Arc<FakeSts>,
    /// The prover.
    pub prover: Arc<FakeProver>,
    /// The JupyterHub.
    pub hub: Arc<FakeHub>,
    /// The broker.
    pub broker: Arc<Broker>,
    store: Store,
    shown: Mutex<Vec<Secret>>,
    dir: TempDir,
}

/// A real Echo, whose administrator at Keystone is configured or is not.
pub fn echo(deletes_ec2: bool) -> Store {
    Store::Ceph { deletes_ec2 }
}

impl World {
    /// Starts a broker on 1 January 2027.
    pub async fn new() -> Self {
        Self::at("2027-01-01T00:00:00Z").await
    }

    /// Starts a broker at that time.
    pub async fn at(start: &str) -> Self {
        Self::start(start, ISSUER).await
    }

    /// Starts a broker on 1 January 2027, whose people are those of that issuer.
    pub async fn with_issuer(issuer: &str) -> Self {
        Self::start("2027-01-01T00:00:00Z", issuer).await
    }

    async fn start(start: &str, issuer: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(start.parse().unwrap());
        let people = Arc::new(FakePeople::of(issuer));
        people.add("alice", &["demo/readers"]);
        people.add("bob", &["demo/readers"]);
        people.add("carol", &["demo/curators"]);
        people.add("dave", &[]);
        let keystone = Arc::new(FakeKeystone::default());
        let sts = Arc::new(FakeSts::new(keystone.clone(), clock.clone()));
        let prover = Arc::new(FakeProver::default());
        let hub = Arc::new(FakeHub::default());
        let store = Store::Ours;
        let place = Place {
            dir: dir.path(),
            clock: &clock,
            store,
        };
        let broker = broker(place, &people, &keystone, &sts, &prover, &hub).await;
        Self {
            clock,
            people,
            keystone,
            sts,
            prover,
            hub,
            broker,
            store,
            shown: Mutex::default(),
            dir,
        }
    }

    /// Stops the broker and starts it again on the same folder.
    pub async fn restart(&mut self) {
        self.broker.database().close().await;
        let place = Place {
            dir: self.dir.path(),
            clock: &self.clock,
            store: self.store,
        };
        self.broker = broker(
            place,
            &self.people,
            &self.keystone,
            &self.sts,
            &self.prover,
            &self.hub,
        )
        .await;
    }

    /// A broker of another process, on the same folder.
    pub async fn second_broker(&self) -> Arc<Broker> {
        let place = Place {
            dir: self.dir.path(),
            clock: &self.clock,
            store: self.store,
        };
        broker(
            place,
            &self.people,
            &self.keystone,
            &self.sts,
            &self.prover,
            &self.hub,
        )
        .await
    }

    /// The same, with objects that are served by this one.
    pub async fn restart_with(&mut self, store: Store) {
        self.store = store;
        self.restart().await;
    }

    /// Returns the person as a caller with a live login at this IAM.
    pub fn caller(&self, who: &str) -> Caller {
        Caller {
            id: self.people.subject(who),
            ..caller(who)
        }
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock on.
    pub fn wait(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// Ends an account so many seconds from now.
    pub fn end_account(&self, sub: &str, in_seconds: i64) {
        let end = self.now() + SignedDuration::from_secs(in_seconds);
        self.people
            .change(sub, |person| person.account_end = Some(end));
    }

    /// Takes the person out of all groups.
    pub fn leave_groups(&self, sub: &str) {
        self.people.change(sub, |person| person.groups.clear());
    }

    /// Adds the person to a group.
    pub fn join(&self, sub: &str, group: &str) {
        self.people.change(sub, |person| {
            person.groups.insert(group.parse().unwrap());
        });
    }

    /// Issues, or says why not; remembers what was shown.
    pub async fn try_issue(&self, who: &str, fields: &LeaseFields) -> Result<Issued, Denied> {
        let caller = self.caller(who);
        let request = self
            .broker
            .parse_request(&caller, fields, &RequestId::new())
            .await?;
        let issued = self
            .broker
            .issue(&caller, &request, &RequestId::new())
            .await?;
        self.remember(&issued.credentials);
        Ok(issued)
    }

    /// Issues a lease.
    pub async fn issue(&self, who: &str, fields: &LeaseFields) -> Issued {
        self.try_issue(who, fields).await.unwrap()
    }

    /// Expects a no, the same no in the audit, and no lease.
    pub async fn refused(&self, caller: &Caller, fields: &LeaseFields) -> Denied {
        let before = self.broker.leases(&caller.id).await.unwrap();
        let id = RequestId::new();
        let outcome = match self.broker.parse_request(caller, fields, &id).await {
            Ok(request) => self.broker.issue(caller, &request, &id).await,
            Err(denied) => Err(denied),
        };
        let denied = outcome.unwrap_err();
        let newest = self.newest_audit().await;
        assert_eq!(
            (newest.action.as_str(), newest.outcome.as_str()),
            ("issue", "no")
        );
        assert_eq!(newest.reason, format!("{}: {denied}", denied.code()));
        assert_eq!(newest.request_id.as_deref(), Some(id.as_str()));
        assert_eq!(newest.username, caller.username);
        assert_eq!(newest.survey.as_deref(), Some(fields.survey.as_str()));
        assert_eq!(newest.method, fields.method);
        assert_eq!((newest.at, newest.lease), (self.now(), None));
        assert_eq!(self.broker.leases(&caller.id).await.unwrap(), before);
        assert!(!denied.hint().is_empty());
        denied
    }

    /// Renews a lease by `GetSessionToken`; remembers what was shown.
    pub async fn renew(
        &self,
        principal: &Principal,
        asked: Option<&str>,
    ) -> Result<Issued, Denied> {
        let issued = self
            .broker
            .renew(principal, asked, &Renewal::SessionToken, &RequestId::new())
            .await?;
        self.remember(&issued.credentials);
        Ok(issued)
    }

    /// Shows the credentials to the broker, as a request at the endpoint does.
    pub async fn show(&self, credentials: &Credentials) -> Result<Arc<Principal>, Denied> {
        show_to(&self.broker, credentials).await
    }

    /// Shows an EC2 credential to the broker.
    pub async fn show_ec2(&self, access: &AccessKeyId) -> Result<Arc<Principal>, Denied> {
        self.broker
            .authenticate(access, None, &RequestId::new())
            .await
    }

    /// The newest entry first.
    pub async fn audit(&self) -> Vec<AuditEntry> {
        self.broker.database().audit_trail(1000).await.unwrap()
    }

    /// Returns the newest audit entry.
    pub async fn newest_audit(&self) -> AuditEntry {
        self.audit().await.swap_remove(0)
    }

    /// Runs SQL in the broker's database from outside.
    pub async fn sql(&self, statement: &'static str) {
        use sqlx::Connection;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database(self.dir.path()));
        let mut connection = sqlx::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }

    /// Whether these bytes stand anywhere in the database's files.
    pub fn on_disk(&self, needle: &str) -> bool {
        std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .any(|path| {
                let ours = path
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with("broker.sqlite");
                ours && std::fs::read(&path)
                    .unwrap()
                    .windows(needle.len())
                    .any(|bytes| bytes == needle.as_bytes())
            })
    }

    fn remember(&self, credentials: &Credentials) {
        let mut shown = self.shown.lock().unwrap();
        shown.push(credentials.secret_access_key.clone());
        shown.extend(credentials.session_token.clone());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut secrets = self.shown.lock().unwrap().clone();
        secrets.extend(self.keystone.secrets());
        for secret in secrets {
            assert!(
                !self.on_disk(secret.expose()),
                "a secret is in the database"
            );
        }
        assert!(
            !self.on_disk("iam-token-of-"),
            "an IAM access token is in the database"
        );
    }
}

/// Shows the credentials to a broker, as a request at its endpoint does.
pub async fn show_to(broker: &Broker, credentials: &Credentials) -> Result<Arc<Principal>, Denied> {
    let token = credentials.session_token.as_ref().map(Secret::expose);
    broker
        .authenticate(&credentials.access_key_id, token, &RequestId::new())
        .await
}

/// The caller with a live login at the IAM whose issuer is [`ISSUER`].
pub fn caller(who: &str) -> Caller {
    Caller {
        id: subject(who),
        username: who.to_owned(),
        iam_token: Some(Secret::new(format!("iam-token-of-{who}"))),
    }
}

/// Returns the person as the IAM names them.
pub fn subject(who: &str) -> skykey_types::SubjectId {
    skykey_types::SubjectId {
        issuer: ISSUER.to_owned(),
        sub: who.to_owned(),
    }
}

/// What Keystone says of a token that `who` got for an application credential.
pub fn application_credential(world: &World, who: &str) -> KeystoneToken {
    KeystoneToken {
        user_id: format!("ks-{who}"),
        user_name: format!("{who}@keystone"),
        enabled: true,
        sub: Some(who.to_owned()),
        methods: vec!["application_credential".to_owned()],
        application_credential: Some((format!("app-of-{who}"), true)),
        expires: world.now() + SignedDuration::from_hours(1),
    }
}

/// A request for `demo` by that method.
pub fn demo(method: Method) -> LeaseFields {
    LeaseFields {
        survey: "demo".to_owned(),
        method: Some(method.as_str().to_owned()),
        ..LeaseFields::default()
    }
}

/// A request for `demo` by that method for that long.
pub fn demo_for(method: Method, lifetime: &str) -> LeaseFields {
    LeaseFields {
        lifetime: Some(lifetime.to_owned()),
        ..demo(method)
    }
}

/// The same, parsed.
pub fn parsed(fields: &LeaseFields) -> LeaseRequest {
    LeaseRequest {
        lifetime: fields.lifetime.as_ref().map(|text| text.parse().unwrap()),
        method: fields.method.as_ref().map(|text| text.parse().unwrap()),
        access: match fields.access.as_deref() {
            Some("write") => Access::Write,
            _ => Access::Read,
        },
        key_owner: match fields.key.as_deref() {
            Some("own") => KeyOwner::Person,
            _ => KeyOwner::Backend,
        },
        ..LeaseRequest::new(fields.survey.parse().unwrap())
    }
}

/// A request to write to `demo` by that method.
pub fn demo_writing(method: Method) -> LeaseFields {
    LeaseFields {
        access: Some(Access::Write.as_str().to_owned()),
        ..demo(method)
    }
}

/// Returns a survey that `demo/readers` reads and `demo/curators` writes.
pub fn survey(name: &str, methods: &[Method], lifetime: Limits) -> Survey {
    Survey {
        name: name.parse().unwrap(),
        title: format!("The survey {name}"),
        prefixes: vec![format!("{name}/").parse().unwrap()],
        readers: vec!["demo/readers".parse().unwrap()],
        curators: vec!["demo/curators".parse().unwrap()],
        data_project: format!("{name}-data").parse().unwrap(),
        readers_project: format!("{name}-ro").parse().unwrap(),
        lifetime,
        cut: None,
        methods: methods.to_vec(),
        roles: Roles {
            read: Some(format!("arn:aws:iam:::role/{name}-read").parse().unwrap()),
            write: None,
        },
    }
}

fn cut(name: &str, seconds: u32) -> Survey {
    Survey {
        cut: Some(Lifetime::seconds(seconds)),
        ..survey(name, &[Method::Gateway, Method::StsLite], Limits::SURVEY)
    }
}

fn database(dir: &Path) -> std::path::PathBuf {
    dir.join("broker.sqlite")
}

/// Where a broker is, and when.
struct Place<'a> {
    dir: &'a Path,
    clock: &'a ManualClock,
    store: Store,
}

async fn broker(
    Place { dir, clock, store }: Place<'_>,
    people: &Arc<FakePeople>,
    keystone: &Arc<FakeKeystone>,
    sts: &Arc<FakeSts>,
    prover: &Arc<FakeProver>,
    hub: &Arc<FakeHub>,
) -> Arc<Broker> {
    let surveys = vec![
        survey("demo", &Method::ALL, Limits::SURVEY),
        survey("plain", &[Method::Gateway], Limits::SURVEY),
        survey(
            "brief",
            &[Method::StsLite],
            Limits {
                min: 3600,
                max: 7200,
            },
        ),
        cut("cut", 20),
        cut("long-cut", 99_999),
    ];
    // On disk, so that what was sealed before a restart opens after it.
    let ring = |name: &str| KeyRing::open_or_create(&dir.join(name)).unwrap();
    let wiring = Wiring {
        surveys: Surveys::new(surveys).unwrap(),
        database: Arc::new(SqliteDatabase::open(&database(dir)).await.unwrap()),
        people: people.clone(),
        ec2: keystone.clone(),
        machines: Some(keystone.clone()),
        exchange: sts.clone(),
        prover: prover.clone(),
        servers: Some(hub.clone()),
        tokens: SessionTokens::new(ring("tokens.json")),
        at_rest: Arc::new(ring("at-rest.json")),
        clock: Arc::new(clock.clone()),
        settings: Settings {
            watch_every: WATCH_EVERY.try_into().unwrap(),
            iam_grace: SignedDuration::from_secs(GRACE),
            ec2_kept: SignedDuration::from_secs(60),
            join_at: JOIN_AT.to_owned(),
            prove_every: SignedDuration::from_hours(1),
            store,
            backend: BackendSettings::default(),
            hand_out: HandOutSettings::default(),
        },
    };
    Arc::new(Broker::new(wiring).await.unwrap())
}
