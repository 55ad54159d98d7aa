//! What every provider must do so that this client works with it, as functions that fail by
//! panicking. Each leaves the provider as it found it, but for tokens and group requests. The parts
//! of a person with a browser are the caller's to play: `drive` opens an address, logs in, says yes,
//! and hands back the address that the browser was sent to in the end.

mod logins;
mod memberships;
mod requests;
mod tokens;

use skykey_types::Secret;
use url::Url;

pub use self::logins::*;
pub use self::memberships::*;
pub use self::requests::*;
pub use self::tokens::*;
use crate::{Iam, MembershipSource, Offer};

/// The discovery document is of the issuer that was asked, and names what is needed.
pub async fn discovery(iam: &Iam) -> Offer {
    let offer = iam.offer().await.expect("there is a discovery document");
    let source = iam.membership_source().await.expect("it was read");
    match source {
        MembershipSource::Scim => assert!(offer.scim, "no scim_endpoint"),
        MembershipSource::Userinfo => assert!(offer.userinfo, "no userinfo_endpoint"),
        MembershipSource::Auto => panic!("a source is one of two"),
    }
    assert!(offer.introspection, "no introspection_endpoint");
    assert!(offer.device, "no device_authorization_endpoint");
    for scope in ["openid", "profile", "offline_access"] {
        assert!(
            offer.scopes.iter().any(|known| known == scope),
            "no scope {scope}"
        );
    }
    offer
}

/// A parameter of the address that a browser was sent to.
fn sent_back(url: &Url, name: &str) -> Secret {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    let (_, value) = found.unwrap_or_else(|| panic!("no {name} came back to {}", url.path()));
    Secret::new(value)
}
