//! The client of OpenStack Keystone (Identity API v3): logins, EC2 credentials, and who an EC2
//! credential is. It is not a cache (but for its own token) and decides nothing: it asks Keystone
//! and tells what Keystone said, in the same way for every Keystone, real or embedded. What always
//! holds: every request goes through one [`Upstream`], which ends it in time and repeats only what
//! may be repeated, so that no answer that got lost leads to a second EC2 credential; and neither a
//! secret nor a token is in an error or in anything's `Debug`.
//!
//! One operation a file. Operations that a person's token may do as well as our own take a
//! [`Caller`]; the rest say in their documentation whose right they need. What a Keystone should
//! refuse is tried out by [`Keystone::unsigned_ec2_calls_refused`] and
//! [`Keystone::delegated_tokens_refused`], since it does not tell its release. The standard is the
//! [Identity API v3][api] with its extensions [OS-EC2][ec2] and [OS-FEDERATION][federation].
//!
//! [api]: https://docs.openstack.org/api-ref/identity/v3/
//! [ec2]: https://docs.openstack.org/keystone/latest/api_curl_examples.html
//! [federation]: https://docs.openstack.org/api-ref/identity/v3-ext/#os-federation-api

mod advisories;
mod app_credential_token;
#[cfg(feature = "conformance")]
pub mod conformance;
mod create_ec2;
mod delegated_probe;
mod delete_ec2;
mod ec2_signature;
mod error;
mod federated_token;
mod identify_ec2;
mod list_ec2;
mod own_token;
mod password_token;
mod probe;
mod project_by_name;
mod projects;
mod scope;
mod token;
mod transport;
mod unsigned_probe;
mod user;
mod user_by_login;
mod version;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use skykey_types::{AccessKeyId, Clock, Secret};
use skykey_upstream::{Patience, Upstream, UpstreamMetrics};
use url::Url;

pub use advisories::{ADVISORIES, Advisory, TriedBy};
pub use app_credential_token::{ApplicationCredential, MachineLogin};
pub use error::Error;
pub use identify_ec2::Ec2Identity;
use own_token::OwnToken;
pub use probe::{Found, Probe};
pub use token::{ApplicationCredentialRef, ShownToken, Token};
use transport::Transport;
pub use version::Version;

/// What Keystone is called in messages and metrics.
pub const SYSTEM: &str = "Keystone";

/// One Keystone, as one of its users sees it. Clones share the connections and the token.
#[derive(Clone)]
pub struct Keystone(Arc<Inner>);

struct Inner {
    transport: Transport,
    login: Login,
    clock: Arc<dyn Clock>,
    own: OwnToken,
}

/// Which Keystone, and as whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is, ending in `/v3`.
    pub url: Url,
    /// How the client logs in for itself.
    pub login: Login,
    /// A PEM file of certificate authorities to believe beside those that the machine knows.
    pub authorities: Option<PathBuf>,
    /// Where calls are counted.
    pub metrics: UpstreamMetrics,
    /// How long calls wait, if not as long as usual.
    pub patience: Option<Patience>,
}

/// How this client logs in for itself: a user with a password, since Keystone gives EC2
/// credentials to no application credential.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The name of the domain that the user is in, mostly [`DEFAULT_DOMAIN`].
    pub user_domain: String,
    /// The project that tokens are for. Without one they say who the user is, and give no right.
    pub project: Option<ProjectRef>,
}

/// The domain that every Keystone has, and most sites keep everything in.
pub const DEFAULT_DOMAIN: &str = "Default";

/// A project, as its people name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProjectRef {
    /// Its name.
    pub name: String,
    /// The name of its domain, mostly [`DEFAULT_DOMAIN`].
    pub domain: String,
}

/// In whose name an operation is done.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// The client's own, with a token that is kept and renewed.
    Own,
    /// Of whoever this token was given to.
    Token(&'a Secret),
}

/// A user, as a token names them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct UserRef {
    /// Keystone's name for the user, for ever.
    pub id: String,
    /// The user's name.
    pub name: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Project {
    /// Keystone's name for it, for ever; Ceph's name for its only user of that project.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A user with the logins elsewhere that lead to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Keystone's name for the user, for ever.
    pub id: String,
    /// The user's name.
    pub name: String,
    /// Whether the user may log in at all.
    pub enabled: bool,
    /// The logins elsewhere; none for a local user.
    pub federated: Vec<FederatedLogin>,
}

/// A login elsewhere that leads to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedLogin {
    /// Keystone's name for the identity provider.
    pub provider: String,
    /// The federation protocol by which they came.
    pub protocol: String,
    /// The user's unique id there, as Keystone's mapping made it; mostly the `sub`. Percent-encoded by
    /// Keystone, decoded here.
    pub unique_id: String,
}

/// A long-lived key pair of one user for one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ec2Credential {
    /// The public half.
    pub access: AccessKeyId,
    /// The half that signs.
    pub secret: Secret,
    /// Whose it is.
    pub user_id: String,
    /// For which project.
    pub project_id: String,
}

impl Keystone {
    /// A client of the Keystone in `settings`. Connects to nothing yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let Settings {
            url,
            login,
            authorities,
            metrics,
            patience,
        } = settings;
        let transport = Transport::new(&url, authorities, metrics, patience)?;
        Ok(Self::over(transport, login, clock))
    }

    /// The same Keystone as another user or for another project: the connections are shared, the
    /// token is its own.
    #[must_use]
    pub fn as_user(&self, login: Login) -> Self {
        Self::over(self.0.transport.clone(), login, Arc::clone(&self.0.clock))
    }

    /// The connections, for whoever wants to know how Keystone is doing.
    pub fn upstream(&self) -> &Upstream {
        self.0.transport.upstream()
    }

    fn over(transport: Transport, login: Login, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            transport,
            login,
            own: OwnToken::new(own_token::CACHE, clock.clone()),
            clock,
        }))
    }
}

impl fmt::Debug for Keystone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystone")
            .field("url", &self.0.transport.base())
            .field("username", &self.0.login.username)
            .field("project", &self.0.login.project)
            .finish_non_exhaustive()
    }
}
