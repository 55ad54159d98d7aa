//! Keystone's place in a site.

use skykey_keystone::{Login, Settings};

/// The client's settings, and what the site keeps at Keystone.
#[derive(Debug, Clone)]
pub struct KeystoneSettings {
    /// The client as the backend user, in whose name credentials are made for others: `member` of the
    /// surveys' projects, and nothing else. The login names no project.
    pub client: Settings,
    /// Keystone's name for our IAM.
    pub identity_provider: String,
    /// The federation protocol, `openid`.
    pub protocol: String,
    /// The name of the domain that the surveys' projects are in, mostly `Default`.
    pub project_domain: String,
    /// The login, in a project where it has the role `admin`, of the user who identifies the owners of
    /// credentials and deletes those of people who left. Without one,
    /// [`Ec2Keys::identify`](skykey_broker::Ec2Keys::identify), `delete` and `delete_all` are refused.
    pub admin: Option<Login>,
    /// Whether machines may lease with tokens that they got for application credentials; this needs
    /// the administrator.
    pub accept_application_credentials: bool,
}
