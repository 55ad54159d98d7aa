//! The systems of a site: `[portal]`, `[iam]`, `[keystone]`, `[echo]`. Each that is left out is played by an
//! embedded stand-in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use skykey_iam::{GroupsClaim, IamSettings, Issuer, MembershipSource};
use skykey_keystone::{DEFAULT_DOMAIN, Login, ProjectRef, Settings};
use skykey_s3_client::S3Settings;
use skykey_serve::{Network, TlsFiles};
use skykey_site::{EchoSite, IamSite, KeystoneSettings};
use skykey_types::{AccessKeyId, Credentials, LoginPorts, ProjectName};
use url::Url;

use super::words::{SecretPlace, parsed};

/// Where the portal is and how it is served.
#[derive(Debug, Clone, Default)]
pub struct PortalSite {
    /// Its address as people type it; by default where it listens.
    pub public: Option<Url>,
    /// Where it listens, instead of `--listen` and `--base-port`.
    pub listen: Option<SocketAddr>,
    /// TLS by skykey itself; without, plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The proxies whose word about the client is believed.
    pub trusted_proxies: Vec<Network>,
    /// Where `/healthz`, `/readyz` and `/metrics` are served, if at all.
    pub health: Option<SocketAddr>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PortalEntry {
    public: Option<Url>,
    listen: Option<SocketAddr>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    trusted_proxies: Vec<Network>,
    health: Option<SocketAddr>,
}

impl PortalEntry {
    pub(super) fn into_site(self, beside: &Path) -> Result<PortalSite, String> {
        let tls = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some(TlsFiles {
                certificate: beside.join(certificate),
                key: beside.join(key),
            }),
            (None, None) => None,
            _ => return Err("[portal] needs certificate and key, or neither".to_owned()),
        };
        if let Some(url) = &self.public
            && (!matches!(url.scheme(), "http" | "https") || url.path() != "/")
        {
            return Err(format!(
                "[portal] public: '{url}' is not the address of a site; write for example https://skykey.example.org/"
            ));
        }
        if self
            .public
            .as_ref()
            .is_none_or(|url| url.scheme() == "http")
            && tls.is_some()
        {
            return Err(
                "[portal] has a certificate, so public must be its https address".to_owned(),
            );
        }
        Ok(PortalSite {
            public: self.public,
            listen: self.listen,
            tls,
            trusted_proxies: self.trusted_proxies,
            health: self.health,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IamEntry {
    #[serde(deserialize_with = "parsed")]
    issuer: Issuer,
    client_id: String,
    client_secret: SecretPlace,
    #[serde(default = "profile", deserialize_with = "parsed")]
    groups: GroupsClaim,
    #[serde(default, deserialize_with = "parsed")]
    membership: MembershipSource,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    audiences: Vec<String>,
    account_end: Option<String>,
    cli_client_id: Option<String>,
    cli_ports: Option<LoginPorts>,
    join_at: Option<Url>,
    authorities: Option<PathBuf>,
}

fn profile() -> GroupsClaim {
    GroupsClaim::Iam
}

impl IamEntry {
    pub(super) fn into_site(self, beside: &Path) -> Result<IamSite, String> {
        let join_at = match self.join_at {
            Some(url) => url,
            None => Url::parse(&format!(
                "{}/dashboard",
                self.issuer.as_str().trim_end_matches('/')
            ))
            .map_err(|error| format!("[iam] issuer: {error}"))?,
        };
        if self.cli_ports.is_some() && self.cli_client_id.is_none() {
            return Err(
                "[iam] cli_ports belongs to a cli_client_id, which is not there".to_owned(),
            );
        }
        let secret = self.client_secret.read("[iam] client_secret", beside)?;
        // A token that the command got is meant for the portal.
        let audiences = self.audiences.into_iter().chain(self.cli_client_id.clone());
        let client = IamSettings {
            groups: self.groups,
            membership: self.membership,
            scopes: self.scopes,
            audiences: audiences.collect(),
            account_end: self.account_end,
            authorities: self.authorities.map(|path| beside.join(path)),
            ..IamSettings::new(self.issuer, self.client_id, secret)
        };
        Ok(IamSite {
            client,
            cli_client_id: self.cli_client_id,
            cli_ports: self.cli_ports,
            join_at,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeystoneEntry {
    url: Url,
    #[serde(default = "identity_provider")]
    identity_provider: String,
    #[serde(default = "protocol")]
    protocol: String,
    #[serde(default = "domain")]
    project_domain: String,
    backend_user: UserEntry,
    admin_user: Option<AdminEntry>,
    #[serde(default)]
    accept_application_credentials: bool,
    authorities: Option<PathBuf>,
}

fn identity_provider() -> String {
    "iam".to_owned()
}

fn protocol() -> String {
    "openid".to_owned()
}

fn domain() -> String {
    DEFAULT_DOMAIN.to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    name: String,
    password: SecretPlace,
    #[serde(default = "domain")]
    domain: String,
}

impl UserEntry {
    fn into_login(self, what: &str, beside: &Path) -> Result<Login, String> {
        Ok(Login {
            password: self.password.read(what, beside)?,
            username: self.name,
            user_domain: self.domain,
            project: None,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdminEntry {
    name: String,
    password: SecretPlace,
    #[serde(default = "domain")]
    domain: String,
    project: ProjectName,
}

impl AdminEntry {
    /// The user's domain is also the project's.
    fn into_login(self, beside: &Path) -> Result<Login, String> {
        Ok(Login {
            password: self
                .password
                .read("[keystone.admin_user] password", beside)?,
            username: self.name,
            project: Some(ProjectRef {
                name: self.project.to_string(),
                domain: self.domain.clone(),
            }),
            user_domain: self.domain,
        })
    }
}

impl KeystoneEntry {
    pub(super) fn into_settings(self, beside: &Path) -> Result<KeystoneSettings, String> {
        let admin = match self.admin_user {
            None => None,
            Some(entry) => Some(entry.into_login(beside)?),
        };
        if self.accept_application_credentials && admin.is_none() {
            return Err(
                "[keystone] accept_application_credentials needs [keystone.admin_user], which asks Keystone whose a token is"
                    .to_owned(),
            );
        }
        Ok(KeystoneSettings {
            client: Settings {
                url: self.url,
                login: self
                    .backend_user
                    .into_login("[keystone.backend_user] password", beside)?,
                authorities: self.authorities.map(|path| beside.join(path)),
                timeouts: None,
            },
            identity_provider: self.identity_provider,
            protocol: self.protocol,
            project_domain: self.project_domain,
            admin,
            accept_application_credentials: self.accept_application_credentials,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EchoEntry {
    endpoint: Url,
    #[serde(default = "region")]
    region: String,
    #[serde(default = "at_once")]
    at_once: usize,
    admin: Option<KeyEntry>,
    authorities: Option<PathBuf>,
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn at_once() -> usize {
    32
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    access_key_id: AccessKeyId,
    secret_access_key: SecretPlace,
}

impl EchoEntry {
    pub(super) fn into_site(self, beside: &Path) -> Result<EchoSite, String> {
        let admin = match self.admin {
            None => None,
            Some(key) => Some(Credentials {
                access_key_id: key.access_key_id,
                secret_access_key: key
                    .secret_access_key
                    .read("[echo.admin] secret_access_key", beside)?,
                session_token: None,
                expiration: None,
            }),
        };
        if !matches!(self.endpoint.scheme(), "http" | "https") || self.endpoint.path() != "/" {
            return Err(format!(
                "[echo] endpoint: '{}' is not the address of an S3 endpoint; write for example https://s3.echo.example.org/",
                self.endpoint
            ));
        }
        if self.at_once == 0 {
            return Err("[echo] at_once must be at least 1".to_owned());
        }
        Ok(EchoSite {
            client: S3Settings {
                authorities: self.authorities.map(|path| beside.join(path)),
                ..S3Settings::new(self.endpoint, self.region)
            },
            at_once: self.at_once,
            admin,
        })
    }
}
