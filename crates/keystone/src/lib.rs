//! The client of OpenStack Keystone (Identity API v3): logins, EC2 credentials, and who an EC2
//! credential is. It is not a cache and decides nothing: it asks Keystone and tells what Keystone
//! said, in the same way for every Keystone, real or embedded. What always holds: a request ends
//! within 15 seconds, an answer is read up to 1 MiB, no redirect is followed, and neither a
//! secret nor a token is in an error or in anything's `Debug`.
//!
//! One operation a file. Operations that a person's token may do as well as our own take a
//! [`Caller`]; the rest say in their documentation whose right they need. The standard is the
//! [Identity API v3][api] with its extensions [OS-EC2][ec2] and [OS-FEDERATION][federation].
//!
//! [api]: https://docs.openstack.org/api-ref/identity/v3/
//! [ec2]: https://docs.openstack.org/keystone/latest/api_curl_examples.html
//! [federation]: https://docs.openstack.org/api-ref/identity/v3-ext/#os-federation-api

mod create_ec2;
mod delete_ec2;
mod error;
mod federated_token;
mod identify_ec2;
mod list_ec2;
mod own_token;
mod password_token;
mod project_by_name;
mod projects;
mod scope;
mod token;
mod transport;
mod user;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use skykey_types::{AccessKeyId, Clock, Secret};
use url::Url;

pub use error::Error;
pub use identify_ec2::Ec2Identity;
use own_token::OwnToken;
use transport::Transport;

/// One Keystone, as one of its users sees it. Clones share the connections and the token.
#[derive(Clone)]
pub struct Keystone(Arc<Inner>);

struct Inner {
    transport: Transport,
    login: Login,
    clock: Arc<dyn Clock>,
    own: OwnToken,
}

/// How this client logs in for itself: a user with a password, since Keystone gives EC2
/// credentials to no application credential.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The name of the domain that the user is in, mostly `Default`.
    pub user_domain: String,
    /// The name of the project that tokens are scoped to.
    pub project: String,
    /// The name of the domain that the project is in, mostly `Default`.
    pub project_domain: String,
}

/// In whose name an operation is done.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// The client's own, with a token that is kept and renewed.
    Own,
    /// Of whoever this token was given to.
    Token(&'a Secret),
}

/// A token that says who somebody is, and gives no right in any project.
#[derive(Debug, Clone)]
pub struct UnscopedToken {
    /// The token.
    pub token: Secret,
    /// Whom it was given to.
    pub user: UserRef,
    /// When it ends.
    pub expires: Timestamp,
}

/// A token with a person's rights in one project.
#[derive(Debug, Clone)]
pub struct ScopedToken {
    /// The token.
    pub token: Secret,
    /// Whom it was given to.
    pub user: UserRef,
    /// For which project.
    pub project: Project,
    /// The names of the roles the person has there.
    pub roles: Vec<String>,
    /// When it ends.
    pub expires: Timestamp,
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
    /// Identity provider and the user's unique id there, as Keystone's mapping made it; mostly
    /// the `sub`. Percent-encoded by Keystone, decoded here.
    pub federated: Vec<(String, String)>,
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
    /// A client of the Keystone at `url`, which ends in `/v3`. Connects to nothing yet.
    pub fn new(url: &Url, login: Login, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let transport = Transport::new(url)?;
        Ok(Self(Arc::new(Inner {
            transport,
            login,
            clock,
            own: OwnToken::default(),
        })))
    }
}

impl fmt::Debug for Keystone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystone")
            .field("url", &self.0.transport.base())
            .field("username", &self.0.login.username)
            .finish_non_exhaustive()
    }
}
