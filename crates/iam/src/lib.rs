//! The client of an INDIGO IAM, or of another OpenID provider that knows groups: logging a person in
//! (authorization code with PKCE, device code), renewing, checking and ending their tokens, asking who is
//! in which group (by SCIM, or by userinfo where there is none), and INDIGO's group requests. It
//! knows nothing of leases and decides nothing. What always holds: only asymmetric signatures
//! count, the issuer must match to the letter, time is the [`Clock`]'s, every request goes through
//! one [`Upstream`] with its limits, no error holds a token, a code or a secret, and an error is
//! never a "no": whoever is not a member is said to be none by an answer.

mod access_token;
mod cached;
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

use skykey_types::{Clock, SubjectId};
use skykey_upstream::Upstream;

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

/// One IAM. Cheap to share behind an `Arc`; it keeps the discovery document, the keys, its own
/// service token and what was introspected for a while.
#[derive(Debug)]
pub struct Iam {
    settings: IamSettings,
    http: http::Http,
    document: cached::Cached<provider::Document>,
    keys: cached::Cached<jwt::Keys>,
    service_token: cached::Cached<service_token::ServiceToken>,
    introspected: introspection::Introspected,
    usernames: usernames::Usernames,
    clock: Arc<dyn Clock>,
}

impl Iam {
    /// Nothing is asked yet: the IAM may come up later. The error is that of
    /// [`IamSettings::authorities`].
    pub fn new(settings: IamSettings, clock: Arc<dyn Clock>) -> Result<Self, IamError> {
        Ok(Self {
            http: http::Http::new(&settings)?,
            document: cached::Cached::default(),
            keys: cached::Cached::default(),
            service_token: cached::Cached::default(),
            introspected: introspection::Introspected::default(),
            usernames: usernames::Usernames::default(),
            settings,
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
