//! A broker with its fakes and a database in a folder of its own. When it goes, no secret may be
//! found on the disk.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skykey_broker::{
    AuditEntry, BackendSettings, Broker, Caller, Denied, HandOutSettings, Issued, KeyOwner,
    LeaseFields, LeaseRequest, Principal, Renewal, Settings, Store, Surveys, Wiring,
};
use skykey_database::SqliteDatabase;
use skykey_seal::KeyRing;
use skykey_sts::SessionTokens;
use skykey_types::{
    Access, AccessKeyId, Clock, Credentials, Lifetime, Limits, ManualClock, Method, Roles, Secret,
    SignedDuration, Survey, Timestamp,
};
use tempfile::TempDir;

use crate::fake_hub::FakeHub;
use crate::fakes::{FakeKeystone, FakePeople, FakeProver, FakeSts};

pub(crate) const GRACE: i64 = 600;
/// The watch sleeps by the machine's clock.
pub(crate) const WATCH_EVERY: Duration = Duration::from_millis(1);
pub(crate) const JOIN_AT: &str = "https://iam.example/dashboard";

/// In it: `alice` and `bob` read, `carol` curates, `dave` is in no group. The survey `demo` offers
/// every method, `plain` only `gateway`, `brief` lasts two hours at most.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) people: Arc<FakePeople>,
    pub(crate) keystone: Arc<FakeKeystone>,
    pub(crate) sts: Arc<FakeSts>,
    pub(crate) prover: Arc<FakeProver>,
    pub(crate) hub: Arc<FakeHub>,
    pub(crate) broker: Arc<Broker>,
    store: Store,
    shown: Mutex<Vec<Secret>>,
    dir: TempDir,
}

/// A real Echo, whose administrator at Keystone is configured or is not.
pub(crate) fn echo(deletes_ec2: bool) -> Store {
    Store::Ceph { deletes_ec2 }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::at("2027-01-01T00:00:00Z").await
    }

    pub(crate) async fn at(start: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(start.parse().unwrap());
        let people = Arc::new(FakePeople::default());
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
    pub(crate) async fn restart(&mut self) {
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
    pub(crate) async fn second_broker(&self) -> Arc<Broker> {
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
    pub(crate) async fn restart_with(&mut self, store: Store) {
        self.store = store;
        self.restart().await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) fn end_account(&self, sub: &str, in_seconds: i64) {
        let end = self.now() + SignedDuration::from_secs(in_seconds);
        self.people
            .change(sub, |person| person.account_end = Some(end));
    }

    pub(crate) fn leave_groups(&self, sub: &str) {
        self.people.change(sub, |person| person.groups.clear());
    }

    pub(crate) fn join(&self, sub: &str, group: &str) {
        self.people.change(sub, |person| {
            person.groups.insert(group.parse().unwrap());
        });
    }

    /// Issues, or says why not; remembers what was shown.
    pub(crate) async fn try_issue(
        &self,
        who: &str,
        fields: &LeaseFields,
    ) -> Result<Issued, Denied> {
        let caller = caller(who);
        let request = self.broker.parse_request(&caller, fields).await?;
        let issued = self.broker.issue(&caller, &request).await?;
        self.remember(&issued.credentials);
        Ok(issued)
    }

    pub(crate) async fn issue(&self, who: &str, fields: &LeaseFields) -> Issued {
        self.try_issue(who, fields).await.unwrap()
    }

    /// Expects a no, the same no in the audit, and no lease.
    pub(crate) async fn refused(&self, caller: &Caller, fields: &LeaseFields) -> Denied {
        let before = self.broker.leases(&caller.id).await.unwrap();
        let outcome = match self.broker.parse_request(caller, fields).await {
            Ok(request) => self.broker.issue(caller, &request).await,
            Err(denied) => Err(denied),
        };
        let denied = outcome.unwrap_err();
        let newest = self.newest_audit().await;
        assert_eq!(
            (newest.action.as_str(), newest.outcome.as_str()),
            ("issue", "no")
        );
        assert_eq!(newest.reason, format!("{}: {denied}", denied.code()));
        assert_eq!(newest.username, caller.username);
        assert_eq!(newest.survey.as_deref(), Some(fields.survey.as_str()));
        assert_eq!(newest.method, fields.method);
        assert_eq!((newest.at, newest.lease), (self.now(), None));
        assert_eq!(self.broker.leases(&caller.id).await.unwrap(), before);
        assert!(!denied.hint().is_empty());
        denied
    }

    pub(crate) async fn renew(
        &self,
        principal: &Principal,
        asked: Option<&str>,
    ) -> Result<Issued, Denied> {
        let issued = self
            .broker
            .renew(principal, asked, &Renewal::SessionToken)
            .await?;
        self.remember(&issued.credentials);
        Ok(issued)
    }

    /// Shows the credentials to the broker, as a request at the endpoint does.
    pub(crate) async fn show(&self, credentials: &Credentials) -> Result<Arc<Principal>, Denied> {
        show_to(&self.broker, credentials).await
    }

    pub(crate) async fn show_ec2(&self, access: &AccessKeyId) -> Result<Arc<Principal>, Denied> {
        self.broker.authenticate(access, None).await
    }

    /// The newest entry first.
    pub(crate) async fn audit(&self) -> Vec<AuditEntry> {
        self.broker.database().audit_trail(1000).await.unwrap()
    }

    pub(crate) async fn newest_audit(&self) -> AuditEntry {
        self.audit().await.swap_remove(0)
    }

    /// Runs SQL in the broker's database from outside.
    pub(crate) async fn sql(&self, statement: &'static str) {
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
    pub(crate) fn on_disk(&self, needle: &str) -> bool {
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
pub(crate) async fn show_to(
    broker: &Broker,
    credentials: &Credentials,
) -> Result<Arc<Principal>, Denied> {
    let token = credentials.session_token.as_ref().map(Secret::expose);
    broker.authenticate(&credentials.access_key_id, token).await
}

/// The caller with a live login at the IAM.
pub(crate) fn caller(who: &str) -> Caller {
    Caller {
        id: subject(who),
        username: who.to_owned(),
        iam_token: Some(Secret::new(format!("iam-token-of-{who}"))),
    }
}

pub(crate) fn subject(who: &str) -> skykey_types::SubjectId {
    skykey_types::SubjectId {
        issuer: crate::fakes::ISSUER.to_owned(),
        sub: who.to_owned(),
    }
}

/// A request for `demo` by that method.
pub(crate) fn demo(method: Method) -> LeaseFields {
    LeaseFields {
        survey: "demo".to_owned(),
        method: Some(method.as_str().to_owned()),
        ..LeaseFields::default()
    }
}

/// A request for `demo` by that method for that long.
pub(crate) fn demo_for(method: Method, lifetime: &str) -> LeaseFields {
    LeaseFields {
        lifetime: Some(lifetime.to_owned()),
        ..demo(method)
    }
}

/// The same, parsed.
pub(crate) fn parsed(fields: &LeaseFields) -> LeaseRequest {
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
pub(crate) fn demo_writing(method: Method) -> LeaseFields {
    LeaseFields {
        access: Some(Access::Write.as_str().to_owned()),
        ..demo(method)
    }
}

pub(crate) fn survey(name: &str, methods: &[Method], lifetime: Limits) -> Survey {
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
