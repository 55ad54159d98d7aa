//! Who we are to Keystone.

use std::path::PathBuf;

use skykey_keystone::{Login, ProjectRef};
use skykey_types::Secret;
use skykey_upstream::{Patience, UpstreamMetrics};
use url::Url;

/// Which Keystone, and as whom.
#[derive(Debug, Clone)]
pub struct KeystoneSettings {
    /// Ending with `/v3`.
    pub url: Url,
    /// A PEM file of certificate authorities to believe beside those that the machine knows.
    pub authorities: Option<PathBuf>,
    /// Where calls are counted.
    pub metrics: UpstreamMetrics,
    /// How long calls wait, if not as long as usual.
    pub patience: Option<Patience>,
    /// Keystone's name for our IAM.
    pub identity_provider: String,
    /// The federation protocol, `openid`.
    pub protocol: String,
    /// The name of the domain that the surveys' projects are in, mostly `Default`.
    pub project_domain: String,
    /// The user in whose name credentials are made for others: `member` of the surveys' projects,
    /// and nothing else.
    pub backend_user: KeystoneUser,
    /// Who may ask whose a credential is, and delete those of people who left. Without one,
    /// [`Ec2Keys::identify`](skykey_broker::Ec2Keys::identify), `delete` and `delete_all` are refused.
    pub admin_user: Option<KeystoneAdmin>,
}

/// A Keystone user with a password: application credentials may not touch EC2 credentials.
#[derive(Debug, Clone)]
pub struct KeystoneUser {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: Secret,
    /// The name of its domain, mostly `Default`.
    pub domain: String,
}

/// A Keystone user with the role `admin`.
#[derive(Debug, Clone)]
pub struct KeystoneAdmin {
    /// Who.
    pub user: KeystoneUser,
    /// Where it has the role.
    pub project: ProjectRef,
}

impl KeystoneUser {
    /// A login for `project`, or for none.
    pub(super) fn login(&self, project: Option<ProjectRef>) -> Login {
        Login {
            username: self.name.clone(),
            password: self.password.clone(),
            user_domain: self.domain.clone(),
            project,
        }
    }
}
