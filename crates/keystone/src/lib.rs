//! The client of OpenStack Keystone (Identity API v3): logins, EC2 credentials, and their owners. It
//! caches nothing but its own token, and makes no decision about access. It treats every Keystone, real or
//! embedded, the same. What always holds:
//!
//! - Every request goes through one [`Upstream`], with a timeout. Only requests that are safe to repeat are
//!   repeated, so a lost response never leads to a second EC2 credential.
//! - No error and no `Debug` output contains a secret or a token.
//!
//! One operation a file. Operations that work with a person's token or the client's own take a
//! [`Caller`]; the others document the right that they need. Keystone does not report its release, so
//! [`Keystone::unsigned_ec2_calls_refused`] and [`Keystone::delegated_tokens_refused`] test whether it has
//! known faults. The standard is the
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
use skykey_upstream::{Timeouts, Upstream, UpstreamMetrics};
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

/// Keystone's name in messages and metrics.
pub const SYSTEM: &str = "Keystone";

/// A client of one Keystone, for one of its users. Clones share the connections and the token.
#[derive(Clone)]
pub struct Keystone(Arc<Inner>);

struct Inner {
    transport: Transport,
    login: Login,
    clock: Arc<dyn Clock>,
    own: OwnToken,
}

/// The address of a Keystone, and the login.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its address, ending in `/v3`.
    pub url: Url,
    /// How the client logs in for itself.
    pub login: Login,
    /// A PEM file of certificate authorities to trust in addition to the machine's.
    pub authorities: Option<PathBuf>,
    /// Other timeouts than the default.
    pub timeouts: Option<Timeouts>,
}

/// The client's own login: a user with a password, since Keystone refuses EC2 credentials to application
/// credentials.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The name of the domain that the user is in, mostly [`DEFAULT_DOMAIN`].
    pub user_domain: String,
    /// The project of its tokens. A token without a project identifies the user, and grants nothing.
    pub project: Option<ProjectRef>,
}

/// The domain that every Keystone has, and that most sites use for everything.
pub const DEFAULT_DOMAIN: &str = "Default";

/// A project by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProjectRef {
    /// Its name.
    pub name: String,
    /// The name of its domain, mostly [`DEFAULT_DOMAIN`].
    pub domain: String,
}

/// The token of an operation.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// The client's own token, cached and renewed.
    Own,
    /// This token.
    Token(&'a Secret),
}

/// A user, as a token names them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct UserRef {
    /// Keystone's permanent id of the user.
    pub id: String,
    /// The user's name.
    pub name: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Project {
    /// Keystone's permanent id; also the name of Ceph's only user of that project.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A user with their federated logins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Keystone's permanent id of the user.
    pub id: String,
    /// The user's name.
    pub name: String,
    /// Whether the user may log in at all.
    pub enabled: bool,
    /// The federated logins; none for a local user.
    pub federated: Vec<FederatedLogin>,
}

/// A federated login of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedLogin {
    /// Keystone's name for the identity provider.
    pub provider: String,
    /// The federation protocol.
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
    /// The secret half, which signs.
    pub secret: Secret,
    /// The id of its owner.
    pub user_id: String,
    /// The id of its project.
    pub project_id: String,
}

impl Keystone {
    /// Creates a client. It does not connect yet.
    pub fn new(
        settings: Settings,
        metrics: &UpstreamMetrics,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let Settings {
            url,
            login,
            authorities,
            timeouts,
        } = settings;
        let transport = Transport::new(&url, authorities, metrics.clone(), timeouts)?;
        Ok(Self::over(transport, login, clock))
    }

    /// Creates a client of the same Keystone for another user or project. The connections are shared, the
    /// token is its own.
    #[must_use]
    pub fn as_user(&self, login: Login) -> Self {
        Self::over(self.0.transport.clone(), login, Arc::clone(&self.0.clock))
    }

    /// Returns the connections, with Keystone's health.
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
