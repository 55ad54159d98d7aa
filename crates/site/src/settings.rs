//! Where the systems of a site are, and as whom they are asked.

use std::path::PathBuf;

use skykey_hub::HubName;
use skykey_iam::{GroupsClaim, Issuer, MembershipSource};
use skykey_types::{Credentials, Lifetime, LoginPorts, Method, ProjectName, Secret, SurveyName};
use skykey_upstream::Patience;
use url::Url;

/// A real IAM.
#[derive(Debug, Clone)]
pub struct IamSite {
    /// The issuer, exactly as its tokens spell it.
    pub issuer: Issuer,
    /// What skykey is registered as.
    pub client_id: String,
    /// The secret of that client.
    pub client_secret: Secret,
    /// Where groups stand in claims.
    pub groups: GroupsClaim,
    /// Who is asked about a membership.
    pub membership: MembershipSource,
    /// Further scopes that a login asks for.
    pub scopes: Vec<String>,
    /// Further audiences of access tokens that count as ours.
    pub audiences: Vec<String>,
    /// The claim that says when the account ends.
    pub account_end: Option<String>,
    /// The public client of the command `skykey login`; without it there is no login by the command.
    pub cli_client_id: Option<String>,
    /// Where that client may have a browser sent back to; without, it logs in by device code alone.
    pub cli_ports: Option<LoginPorts>,
    /// Where people ask to join a group; by default the issuer's dashboard.
    pub join_at: Url,
    /// Certificate authorities to believe beside the machine's.
    pub authorities: Option<PathBuf>,
    /// How long calls wait, if not as long as usual. Not in the file: for tests.
    pub patience: Option<Patience>,
}

/// A real Keystone.
#[derive(Debug, Clone)]
pub struct KeystoneSite {
    /// Ending with `/v3`.
    pub url: Url,
    /// Keystone's name for the IAM.
    pub identity_provider: String,
    /// The federation protocol.
    pub protocol: String,
    /// The domain of the surveys' projects.
    pub project_domain: String,
    /// The user in whose name credentials are made for others.
    pub backend: KeystoneLogin,
    /// Who may delete people's EC2 credentials, and the project in which it is `admin`.
    pub admin: Option<(KeystoneLogin, ProjectName)>,
    /// Whether machines may lease with tokens that they got for application credentials.
    pub accept_application_credentials: bool,
    /// Certificate authorities to believe beside the machine's.
    pub authorities: Option<PathBuf>,
    /// How long calls wait, if not as long as usual. Not in the file: for tests.
    pub patience: Option<Patience>,
}

/// A user of Keystone with a password.
#[derive(Debug, Clone)]
pub struct KeystoneLogin {
    /// The user's name.
    pub name: String,
    /// The password.
    pub password: Secret,
    /// The user's domain.
    pub domain: String,
}

/// A real Echo.
#[derive(Debug, Clone)]
pub struct EchoSite {
    /// Its address.
    pub endpoint: Url,
    /// The region that it says it is in.
    pub region: String,
    /// How many STS requests may be under way at once.
    pub at_once: usize,
    /// A user of the gateway's own, for `skykey survey apply` and `skykey revoke --project`.
    pub admin: Option<Credentials>,
    /// Certificate authorities to believe beside the machine's.
    pub authorities: Option<PathBuf>,
    /// How long calls wait, if not as long as usual. Not in the file: for tests.
    pub patience: Option<Patience>,
}

/// A JupyterHub.
#[derive(Debug, Clone)]
pub struct HubSite {
    /// Its address, as far as `/hub/`.
    pub url: Url,
    /// What it calls its users.
    pub user: HubName,
    /// Whether tokens count that are not a notebook server's.
    pub any_token: bool,
    /// The survey of those who ask for none.
    pub survey: Option<SurveyName>,
    /// How long leases last.
    pub lifetime: Option<Lifetime>,
    /// The method.
    pub method: Option<Method>,
    /// Certificate authorities to believe beside the machine's.
    pub authorities: Option<PathBuf>,
    /// Whether the servers of people who were removed are stopped; it takes a service's token.
    pub stop_servers: bool,
    /// The token of a service of the hub's, with which it is asked whether a server runs.
    pub service_token: Option<Secret>,
}
