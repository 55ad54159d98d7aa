//! The systems around the broker, as far as it needs them. Each port is a trait, so that a test
//! can hand in one that fails in the way it wants.

use async_trait::async_trait;
use skykey_types::{
    AccessKeyId, Credentials, Lifetime, Person, ProjectName, Rights, RoleArn, Secret, SubjectId,
    Survey, Timestamp,
};

/// Why a system did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PortError {
    /// It is away, or in trouble: the answer is not known.
    #[error("{0}")]
    Away(String),
    /// It said no.
    #[error("{0}")]
    Refused(String),
    /// It said no because the EC2 credential is no good any more; another one may do.
    #[error("{0}")]
    BadKey(String),
}

/// The IAM: who is in which group.
#[async_trait]
pub trait People: Send + Sync {
    /// The person as they are now; `None` if there is no such account. An outage is an error, never
    /// `None`. `brought` is the access token that they brought with their request, which some IAMs
    /// have to be asked with; [`PortError::Refused`] says that neither it nor a login is there.
    async fn person(
        &self,
        id: &SubjectId,
        brought: Option<&Secret>,
    ) -> Result<Option<Person>, PortError>;
    /// Whose a login name is, whatever its case; `None` if it is nobody's, or several people's.
    async fn by_username(&self, username: &str) -> Result<Option<SubjectId>, PortError>;
    /// Keeps the refresh token of a login, to ask with when the person is not there.
    async fn keep_login(&self, id: &SubjectId, refresh_token: &Secret) -> Result<(), PortError>;
    /// The subject that this IAM means by `sub`.
    fn subject(&self, sub: &str) -> SubjectId;
}

/// An EC2 credential and where it belongs.
#[derive(Debug, Clone)]
pub struct Ec2Credential {
    /// The public half.
    pub access: AccessKeyId,
    /// The half that signs.
    pub secret: Secret,
    /// The Keystone user that owns it.
    pub user_id: String,
}

impl Ec2Credential {
    /// As S3 credentials, which do not end by themselves.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: self.access.clone(),
            secret_access_key: self.secret.clone(),
            session_token: None,
            expiration: None,
        }
    }
}

/// An EC2 credential of a person's own.
#[derive(Debug, Clone)]
pub struct PersonsKey {
    /// The credential.
    pub key: Ec2Credential,
    /// Whether it was made just now.
    pub made: bool,
}

/// Who an EC2 credential is, by Keystone's word.
#[derive(Debug, Clone)]
pub struct Ec2Identity {
    /// The half that signs.
    pub secret: Secret,
    /// The Keystone user.
    pub user_id: String,
    /// That user's name.
    pub user_name: String,
    /// The person's `sub` at our IAM, if the user is a federated one.
    pub sub: Option<String>,
    /// The name of the project that the credential is for.
    pub project: String,
}

/// Keystone: EC2 credentials.
#[async_trait]
pub trait Ec2Keys: Send + Sync {
    /// Who this credential is, if Keystone lets it act right now. Takes an administrator at Keystone.
    async fn identify(&self, access: &AccessKeyId) -> Result<Option<Ec2Identity>, PortError>;
    /// Makes one for the backend user.
    async fn create_for_backend(&self, project: &ProjectName) -> Result<Ec2Credential, PortError>;
    /// Makes one for the person whose IAM access token this is.
    async fn create_for_person(
        &self,
        iam_token: &Secret,
        project: &ProjectName,
    ) -> Result<Ec2Credential, PortError>;
    /// One that the person whose IAM access token this is has for `project`, made if they have none.
    async fn of_person(
        &self,
        iam_token: &Secret,
        project: &ProjectName,
    ) -> Result<PersonsKey, PortError>;
    /// Deletes one of a person; it may be gone already. Takes an administrator at Keystone.
    async fn delete(&self, user_id: &str, access: &AccessKeyId) -> Result<(), PortError>;
    /// Deletes all that the person has for `project`, and says how many there were. Takes an
    /// administrator at Keystone.
    async fn delete_all(&self, user_id: &str, project: &ProjectName) -> Result<usize, PortError>;
    /// The access key ids of the backend user's own credentials for `project`.
    async fn backend_credentials(
        &self,
        project: &ProjectName,
    ) -> Result<Vec<AccessKeyId>, PortError>;
    /// Deletes one of the backend user's own; it may be gone already.
    async fn delete_backend(
        &self,
        project: &ProjectName,
        access: &AccessKeyId,
    ) -> Result<(), PortError>;
    /// Keystone's id of the project, which is Ceph's name for its only user; `None` if the backend
    /// user has no role in it, or there is no such project. Cheap to ask again.
    async fn project_id(&self, project: &ProjectName) -> Result<Option<String>, PortError>;
    /// The Keystone user that the IAM's `sub` is, if they ever came there. Takes an administrator at
    /// Keystone.
    async fn user_of(&self, sub: &str) -> Result<Option<String>, PortError>;
    /// Whether Keystone lets the administrator in that is configured; well if there is none. Cheap to ask again.
    async fn administrator(&self) -> Result<(), PortError>;
    /// Whether that Keystone user is the backend user.
    async fn is_backend(&self, user_id: &str) -> Result<bool, PortError>;
}

/// A token of Keystone that somebody shows, by Keystone's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeystoneToken {
    /// The Keystone user whom it was given to.
    pub user_id: String,
    /// That user's name.
    pub user_name: String,
    /// Whether that user may log in.
    pub enabled: bool,
    /// The person's `sub` at our IAM, if the user came to Keystone by our IAM, and as nobody else.
    pub sub: Option<String>,
    /// How they proved themselves.
    pub methods: Vec<String>,
    /// The id of the application credential that it belongs to, and whether that is a restricted one.
    pub application_credential: Option<(String, bool)>,
    /// When it ends.
    pub expires: Timestamp,
}

/// Keystone: whose a token is.
#[async_trait]
pub trait KeystoneTokens: Send + Sync {
    /// What the token is; `None` if Keystone does not stand by it. Takes an administrator at Keystone.
    async fn shown(&self, token: &Secret) -> Result<Option<KeystoneToken>, PortError>;
}

/// STS: an EC2 credential in, temporary credentials out.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// `GetSessionToken`.
    async fn session_token(
        &self,
        ec2: &Credentials,
        lifetime: Lifetime,
    ) -> Result<Credentials, PortError>;
    /// `AssumeRole`, narrowed to `rights`; `session` is for the object store's log.
    async fn assume_role(
        &self,
        ec2: &Credentials,
        role: &RoleArn,
        session: &str,
        lifetime: Lifetime,
        rights: &Rights,
    ) -> Result<Credentials, PortError>;
}

/// A JupyterHub: people's notebook servers.
#[async_trait]
pub trait NotebookServers: Send + Sync {
    /// Stops all that the person has running, and says how many there were. Only
    /// [`PortError::Away`] is an error: it is tried again.
    async fn stop_all(&self, id: &SubjectId, username: &str) -> Result<usize, PortError>;
}

/// Tries out what credentials can do.
#[async_trait]
pub trait Prover: Send + Sync {
    /// Reads the survey and tries every way of writing to it, and undoes what should not have
    /// succeeded.
    async fn prove(&self, credentials: &Credentials, survey: &Survey) -> Result<Proof, PortError>;
}

/// What credentials that should read were found to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// They read, and every way of writing was refused.
    ReadOnly,
    /// These operations succeeded and should not have.
    Writes(Vec<String>),
    /// They do not even read, and why.
    Unreadable(String),
    /// Something was not answered, so nothing is proved.
    Unclear(String),
}
