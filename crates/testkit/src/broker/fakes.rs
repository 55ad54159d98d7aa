//! The systems around the broker, in memory: they can be away, say no, and count what they were
//! asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use skykey_broker::{
    Ec2Credential, Ec2Identity, Ec2Keys, Exchange, KeystoneToken, KeystoneTokens, People,
    PersonsKey, PortError, Proof, Prover,
};
use skykey_seal::KeyRing;
use skykey_sts::{SessionClaims, SessionTokens};
use skykey_types::{
    Access, AccessKeyId, Clock, Credentials, Lifetime, ManualClock, Person, ProjectName, Rights,
    RoleArn, Secret, SignedDuration, SubjectId, Survey, random_token,
};

/// The issuer of the IAM.
pub const ISSUER: &str = "https://iam.example/";
/// Keystone's id of the backend user.
pub const BACKEND: &str = "backend";

/// How a system behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// It answers.
    #[default]
    Well,
    /// It does not answer.
    Away,
    /// It answers that it will not.
    Refusing,
    /// Says that the key is no good, whichever it is.
    Disowning,
    /// Does not answer until it is in another mood.
    Holding,
}

/// How often a system was asked, and how it behaves.
#[derive(Debug, Default)]
pub struct Door {
    mood: Mutex<Mood>,
    asked: AtomicUsize,
}

impl Door {
    /// Changes how it behaves.
    pub fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Returns how often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Gives way to the other tasks, as a call over the network does, then counts and lets through.
    pub async fn enter(&self) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        self.asked.fetch_add(1, Ordering::SeqCst);
        while *self.mood.lock().unwrap() == Mood::Holding {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        match *self.mood.lock().unwrap() {
            Mood::Well | Mood::Holding => Ok(()),
            Mood::Away => Err(PortError::Away("connection refused".to_owned())),
            Mood::Refusing => Err(PortError::Refused("HTTP 403".to_owned())),
            Mood::Disowning => Err(PortError::BadKey("HTTP 403".to_owned())),
        }
    }
}

/// An IAM.
#[derive(Debug)]
pub struct FakePeople {
    /// Counts the requests, and says how it behaves.
    pub door: Door,
    issuer: String,
    accounts: Mutex<BTreeMap<String, Person>>,
}

impl FakePeople {
    /// Returns an IAM of that issuer, without accounts.
    pub fn of(issuer: &str) -> Self {
        Self {
            door: Door::default(),
            issuer: issuer.to_owned(),
            accounts: Mutex::default(),
        }
    }

    /// A new account, in `groups`.
    pub fn add(&self, sub: &str, groups: &[&str]) {
        let person = Person {
            id: SubjectId {
                issuer: self.issuer.clone(),
                sub: sub.to_owned(),
            },
            username: sub.to_owned(),
            groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
            active: true,
            account_end: None,
        };
        self.accounts.lock().unwrap().insert(sub.to_owned(), person);
    }

    /// Changes an account.
    pub fn change(&self, sub: &str, how: impl FnOnce(&mut Person)) {
        how(self.accounts.lock().unwrap().get_mut(sub).unwrap());
    }

    /// Deletes an account.
    pub fn delete(&self, sub: &str) {
        self.accounts.lock().unwrap().remove(sub).unwrap();
    }
}

#[async_trait]
impl People for FakePeople {
    async fn person(
        &self,
        id: &SubjectId,
        _: Option<&Secret>,
    ) -> Result<Option<Person>, PortError> {
        self.door.enter().await?;
        Ok(self.accounts.lock().unwrap().get(&id.sub).cloned())
    }

    async fn by_username(&self, username: &str) -> Result<Option<SubjectId>, PortError> {
        self.door.enter().await?;
        let accounts = self.accounts.lock().unwrap();
        let found = accounts.values().find(|person| person.username == username);
        Ok(found.map(|person| person.id.clone()))
    }

    async fn keep_login(&self, _: &SubjectId, _: &Secret) -> Result<(), PortError> {
        Ok(())
    }

    fn subject(&self, sub: &str) -> SubjectId {
        SubjectId {
            issuer: self.issuer.clone(),
            sub: sub.to_owned(),
        }
    }
}

#[derive(Debug, Clone)]
struct Held {
    secret: Secret,
    user_id: String,
    project: String,
}

/// A Keystone. The person `x` of the IAM is its user `ks-x`, and their IAM access token is
/// `iam-token-of-x`; every other user is a local one.
#[derive(Debug, Default)]
pub struct FakeKeystone {
    /// Where credentials and tokens are looked up.
    pub identify: Door,
    /// Where credentials are made.
    pub create: Door,
    /// Where credentials are deleted.
    pub delete: Door,
    /// Where the administrator logs in.
    pub admin: Door,
    held: Mutex<BTreeMap<AccessKeyId, Held>>,
    secrets: Mutex<Vec<Secret>>,
    tokens: Mutex<BTreeMap<String, KeystoneToken>>,
}

impl FakeKeystone {
    /// A token that stands for this.
    pub fn token(&self, about: KeystoneToken) -> Secret {
        let token = Secret::new(random_token(40));
        self.secrets.lock().unwrap().push(token.clone());
        let mut tokens = self.tokens.lock().unwrap();
        tokens.insert(token.expose().to_owned(), about);
        token
    }

    /// Ends a token.
    pub fn end_token(&self, token: &Secret) {
        self.tokens.lock().unwrap().remove(token.expose()).unwrap();
    }

    /// A credential that the user made in OpenStack, without skykey.
    pub fn make(&self, user_id: &str, project: &str) -> Ec2Credential {
        let (access, secret) = (
            AccessKeyId::new(random_token(32)),
            Secret::new(random_token(32)),
        );
        let held = Held {
            secret: secret.clone(),
            user_id: user_id.to_owned(),
            project: project.to_owned(),
        };
        self.held.lock().unwrap().insert(access.clone(), held);
        self.secrets.lock().unwrap().push(secret.clone());
        Ec2Credential {
            access,
            secret,
            user_id: user_id.to_owned(),
        }
    }

    /// Deletes a credential without skykey.
    pub fn lose(&self, access: &AccessKeyId) {
        self.held.lock().unwrap().remove(access).unwrap();
    }

    /// Returns whether the credential exists.
    pub fn holds(&self, access: &AccessKeyId) -> bool {
        self.held.lock().unwrap().contains_key(access)
    }

    /// The access key ids of the user's credentials.
    pub fn of(&self, user_id: &str) -> Vec<AccessKeyId> {
        let held = self.held.lock().unwrap();
        held.iter()
            .filter(|(_, held)| held.user_id == user_id)
            .map(|(access, _)| access.clone())
            .collect()
    }

    /// Every secret that was ever made here.
    pub fn secrets(&self) -> Vec<Secret> {
        self.secrets.lock().unwrap().clone()
    }

    /// Whether that is the secret of a credential that exists.
    fn knows(&self, ec2: &Credentials) -> bool {
        self.held
            .lock()
            .unwrap()
            .get(&ec2.access_key_id)
            .is_some_and(|held| held.secret == ec2.secret_access_key)
    }

    /// Changes how it behaves.
    pub fn be(&self, mood: Mood) {
        for door in [&self.identify, &self.create, &self.delete] {
            door.be(mood);
        }
    }
}

#[async_trait]
impl Ec2Keys for FakeKeystone {
    async fn identify(&self, access: &AccessKeyId) -> Result<Option<Ec2Identity>, PortError> {
        self.identify.enter().await?;
        Ok(self
            .held
            .lock()
            .unwrap()
            .get(access)
            .cloned()
            .map(|held| Ec2Identity {
                secret: held.secret,
                user_name: format!("{}@keystone", held.user_id),
                sub: held.user_id.strip_prefix("ks-").map(str::to_owned),
                user_id: held.user_id,
                project: held.project,
            }))
    }

    async fn create_for_backend(&self, project: &ProjectName) -> Result<Ec2Credential, PortError> {
        self.create.enter().await?;
        Ok(self.make(BACKEND, project.as_str()))
    }

    async fn create_for_person(
        &self,
        iam_token: &Secret,
        project: &ProjectName,
    ) -> Result<Ec2Credential, PortError> {
        self.create.enter().await?;
        match iam_token.expose().strip_prefix("iam-token-of-") {
            Some(sub) => Ok(self.make(&format!("ks-{sub}"), project.as_str())),
            None => Err(PortError::Refused("HTTP 401".to_owned())),
        }
    }

    async fn of_person(
        &self,
        iam_token: &Secret,
        project: &ProjectName,
    ) -> Result<PersonsKey, PortError> {
        let sub = iam_token
            .expose()
            .strip_prefix("iam-token-of-")
            .unwrap_or("nobody");
        let user_id = format!("ks-{sub}");
        let own = self.held.lock().unwrap().iter().find_map(|(access, held)| {
            let fits = held.user_id == user_id && held.project == project.as_str();
            fits.then(|| Ec2Credential {
                access: access.clone(),
                secret: held.secret.clone(),
                user_id: user_id.clone(),
            })
        });
        match own {
            Some(key) => Ok(PersonsKey { key, made: false }),
            None => Ok(PersonsKey {
                key: self.create_for_person(iam_token, project).await?,
                made: true,
            }),
        }
    }

    async fn delete(&self, user_id: &str, access: &AccessKeyId) -> Result<(), PortError> {
        self.delete.enter().await?;
        let mut held = self.held.lock().unwrap();
        if held.get(access).is_some_and(|held| held.user_id == user_id) {
            held.remove(access);
        }
        Ok(())
    }

    async fn delete_all(&self, user_id: &str, project: &ProjectName) -> Result<usize, PortError> {
        self.delete.enter().await?;
        let mut held = self.held.lock().unwrap();
        let before = held.len();
        held.retain(|_, held| held.user_id != user_id || held.project != project.as_str());
        Ok(before - held.len())
    }

    async fn backend_credentials(
        &self,
        project: &ProjectName,
    ) -> Result<Vec<AccessKeyId>, PortError> {
        self.identify.enter().await?;
        let held = self.held.lock().unwrap();
        Ok(held
            .iter()
            .filter(|(_, held)| held.user_id == BACKEND && held.project == project.as_str())
            .map(|(access, _)| access.clone())
            .collect())
    }

    async fn delete_backend(&self, _: &ProjectName, access: &AccessKeyId) -> Result<(), PortError> {
        self.delete(BACKEND, access).await
    }

    async fn project_id(&self, project: &ProjectName) -> Result<Option<String>, PortError> {
        Ok(Some(format!("id-of-{project}")))
    }

    async fn user_of(&self, sub: &str) -> Result<Option<String>, PortError> {
        self.identify.enter().await?;
        let user = format!("ks-{sub}");
        let known = self
            .held
            .lock()
            .unwrap()
            .values()
            .any(|held| held.user_id == user);
        Ok(known.then_some(user))
    }

    async fn administrator(&self) -> Result<(), PortError> {
        self.admin.enter().await
    }

    async fn is_backend(&self, user_id: &str) -> Result<bool, PortError> {
        Ok(user_id == BACKEND)
    }
}

#[async_trait]
impl KeystoneTokens for FakeKeystone {
    async fn shown(&self, token: &Secret) -> Result<Option<KeystoneToken>, PortError> {
        self.identify.enter().await?;
        Ok(self.tokens.lock().unwrap().get(token.expose()).cloned())
    }
}

/// An STS elsewhere, as Echo's: its session tokens mean nothing to the broker.
#[derive(Debug)]
pub struct FakeSts {
    /// Counts the requests, and says how it behaves.
    pub door: Door,
    keystone: Arc<FakeKeystone>,
    tokens: SessionTokens,
    clock: ManualClock,
    ahead: Mutex<SignedDuration>,
    asked_with: Mutex<Vec<AccessKeyId>>,
    roles: Mutex<Vec<(RoleArn, String, Rights)>>,
}

impl FakeSts {
    /// The clock, which stands still until a test moves it.
    pub fn new(keystone: Arc<FakeKeystone>, clock: ManualClock) -> Self {
        let tokens = SessionTokens::new(KeyRing::ephemeral());
        Self {
            door: Door::default(),
            keystone,
            tokens,
            clock,
            ahead: Mutex::default(),
            asked_with: Mutex::default(),
            roles: Mutex::default(),
        }
    }

    /// Its clock is so much ahead of ours.
    pub fn be_ahead(&self, by: SignedDuration) {
        *self.ahead.lock().unwrap() = by;
    }

    /// The roles that were assumed, by which session, with which rights.
    pub fn roles(&self) -> Vec<(RoleArn, String, Rights)> {
        self.roles.lock().unwrap().clone()
    }

    /// The access key ids of the EC2 credentials that were exchanged or refused, in order.
    pub fn asked_with(&self) -> Vec<AccessKeyId> {
        self.asked_with.lock().unwrap().clone()
    }
}

#[async_trait]
impl Exchange for FakeSts {
    async fn session_token(
        &self,
        ec2: &Credentials,
        lifetime: Lifetime,
    ) -> Result<Credentials, PortError> {
        self.door.enter().await?;
        self.asked_with
            .lock()
            .unwrap()
            .push(ec2.access_key_id.clone());
        if !self.keystone.knows(ec2) {
            return Err(PortError::BadKey("InvalidClientTokenId".to_owned()));
        }
        Ok(self.tokens.mint(&SessionClaims {
            subject: SubjectId {
                issuer: "echo".to_owned(),
                sub: BACKEND.to_owned(),
            },
            username: BACKEND.to_owned(),
            survey: "echo".parse().unwrap(),
            access: Access::Read,
            rights: Rights::default(),
            expiration: self.clock.now() + *self.ahead.lock().unwrap() + lifetime.duration(),
        }))
    }

    async fn assume_role(
        &self,
        ec2: &Credentials,
        role: &RoleArn,
        session: &str,
        lifetime: Lifetime,
        rights: &Rights,
    ) -> Result<Credentials, PortError> {
        self.roles
            .lock()
            .unwrap()
            .push((role.clone(), session.to_owned(), rights.clone()));
        self.session_token(ec2, lifetime).await
    }
}

/// Finds what it is told to find.
#[derive(Debug)]
pub struct FakeProver {
    /// Counts the requests, and says how it behaves.
    pub door: Door,
    finding: Mutex<Proof>,
}

impl Default for FakeProver {
    fn default() -> Self {
        Self {
            door: Door::default(),
            finding: Mutex::new(Proof::ReadOnly),
        }
    }
}

impl FakeProver {
    /// Finds this from now on.
    pub fn find(&self, proof: Proof) {
        *self.finding.lock().unwrap() = proof;
    }
}

#[async_trait]
impl Prover for FakeProver {
    async fn prove(&self, _: &Credentials, _: &Survey) -> Result<Proof, PortError> {
        self.door.enter().await?;
        Ok(self.finding.lock().unwrap().clone())
    }
}
