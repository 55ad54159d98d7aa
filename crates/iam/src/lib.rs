//! The client of an INDIGO IAM: logging a person in (OpenID Connect, authorization code with PKCE),
//! checking the access tokens that people bring, and asking SCIM who is in which group. It knows
//! nothing of leases and decides nothing. What always holds: only asymmetric signatures count, the
//! issuer must match to the letter, every request ends within its time, redirects are not followed,
//! and a group that a token does not mention says nothing: membership is SCIM's to tell.

mod bearer;
mod error;
mod http;
mod login;
mod provider;
mod scim;
mod service_token;

use std::sync::Arc;

use skykey_types::{Clock, Secret};
use url::Url;

pub use bearer::AccessClaims;
pub use error::IamError;
pub use login::{Login, LoginStart};

/// What skykey is to the IAM: a registered, confidential client.
#[derive(Debug, Clone)]
pub struct IamSettings {
    /// The issuer, exactly as its tokens spell it: INDIGO's ends with `/`.
    pub issuer: Url,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// Where the IAM sends people back to, as registered.
    pub redirect: Url,
}

/// One IAM. Cheap to share behind an `Arc`; it keeps the discovery document, the keys and its own
/// service token for a while.
#[derive(Debug)]
pub struct Iam {
    settings: IamSettings,
    http: http::Http,
    provider: provider::Provider,
    service_token: service_token::ServiceToken,
    clock: Arc<dyn Clock>,
}

impl Iam {
    /// Nothing is asked yet: the IAM may come up later.
    pub fn new(settings: IamSettings, clock: Arc<dyn Clock>) -> Result<Self, IamError> {
        Ok(Self {
            http: http::Http::new()?,
            provider: provider::Provider::default(),
            service_token: service_token::ServiceToken::default(),
            settings,
            clock,
        })
    }

    /// The issuer.
    pub fn issuer(&self) -> &Url {
        &self.settings.issuer
    }
}
