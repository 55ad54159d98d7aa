//! The client of an INDIGO IAM, or of another OpenID provider that knows groups: logging a person in
//! (authorization code with PKCE, device code), renewing, checking and ending their tokens, asking who is
//! in which group (by SCIM, or by userinfo where there is none), and INDIGO's group requests. It
//! knows nothing of leases and decides nothing. What always holds: only asymmetric signatures
//! count, the issuer must match to the letter, time is the [`Clock`]'s, every request goes through
//! one [`Upstream`] with its limits, no error holds a token, a code or a secret, and an error is
//! never a "no": whoever is not a member is said to be none by an answer.

mod access_token;
#[cfg(feature = "conformance")]
pub mod conformance;
mod device;
mod error;
mod group_requests;
mod groups;
mod http;
mod introspection;
mod issuer;
mod jwt;
mod login;
mod provider;
mod revocation;
mod scim;
mod service_token;
mod settings;
mod token;
mod userinfo;
mod usernames;

use std::sync::Arc;

use skykey_types::{Clock, SignedDuration, SubjectId};
use skykey_upstream::{Cache, CacheSettings, Upstream, UpstreamMetrics};
use url::Url;

pub use access_token::AccessClaims;
pub use device::{DevicePoll, DeviceStart};
pub use error::IamError;
pub use group_requests::{GroupRequest, GroupRequestFilter, RequestStatus};
pub use groups::{GroupsClaim, ParseGroupsClaimError};
pub use issuer::{Issuer, ParseIssuerError};
pub use login::{Login, LoginStart};
pub use provider::Offer;
pub use settings::{IamSettings, MembershipSource, ParseMembershipSourceError};
pub use token::Refreshed;

/// How far two clocks may be apart, in seconds.
const LEEWAY: i64 = 60;

/// A value that the IAM gave and that is kept for a while, by key.
type Kept<K, V> = Cache<K, V, IamError>;

/// One IAM. Clones are cheap and share what is kept: the discovery document, the keys, the client's
/// own service token, introspected tokens and login names.
#[derive(Debug, Clone)]
pub struct Iam {
    settings: Arc<IamSettings>,
    redirect: Arc<Url>,
    http: http::Http,
    document: Kept<(), Arc<provider::Document>>,
    keys: Kept<(), Arc<jwt::KeySet>>,
    service_token: Kept<(), Arc<service_token::ServiceToken>>,
    introspected: Kept<introspection::TokenHash, AccessClaims>,
    usernames: Arc<usernames::Usernames>,
    clock: Arc<dyn Clock>,
}

impl Iam {
    /// Creates a client; it sends no request yet, since the IAM may start later. `redirect` is the address
    /// to which the IAM sends people back, as registered. The error is that of [`IamSettings::authorities`].
    pub fn new(
        settings: IamSettings,
        redirect: Url,
        metrics: &UpstreamMetrics,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IamError> {
        Ok(Self {
            http: http::Http::new(&settings, metrics)?,
            redirect: Arc::new(redirect),
            document: Cache::new(provider::DOCUMENT_CACHE, clock.clone()),
            keys: Cache::new(provider::KEYS_CACHE, clock.clone()),
            service_token: Cache::new(service_token::CACHE, clock.clone()),
            introspected: Cache::new(introspection::CACHE, clock.clone()),
            usernames: Arc::default(),
            settings: Arc::new(settings),
            clock,
        })
    }

    /// The issuer, as its tokens spell it.
    pub fn issuer(&self) -> &str {
        self.settings.issuer.as_str()
    }

    /// The way to the IAM, which knows how the IAM is doing.
    pub fn upstream(&self) -> &Upstream {
        self.http.upstream()
    }

    fn subject(&self, sub: String) -> SubjectId {
        SubjectId {
            issuer: self.issuer().to_owned(),
            sub,
        }
    }
}

/// Settings of a cache of one value, which is kept for `max_age` at most.
const fn one_value(
    operation: &'static str,
    max_age: SignedDuration,
    retry_interval: SignedDuration,
) -> CacheSettings<IamError> {
    CacheSettings {
        operation,
        max_entries: 1,
        max_age,
        retry_interval,
        is_outage: IamError::is_outage,
    }
}
