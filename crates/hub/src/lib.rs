//! The client of a JupyterHub: whose a token is, by the hub's own word (`GET /hub/api/user`). For that it
//! needs no credential of skykey's at the hub, since the token vouches for itself, and it decides nothing:
//! the hub says who somebody is, the IAM says what they may. With a token of a service of the hub it
//! also asks whether the token's server still runs, and stops people's servers if a site wants that ([`Servers`]). What always holds: a no is
//! never kept, a yes for [`CACHE_TTL`] only, so that a stopped server's token is refused that much later at
//! most; a hub that does not answer is an error and never a yes; no error holds a token.

mod error;
mod hub;
mod look;
mod name;
mod servers;
mod user;

pub use error::HubError;
pub use hub::{CACHE_TTL, Hub, HubSettings};
pub use look::HubService;
pub use name::HubName;
pub use servers::Servers;
pub use user::HubUser;

use http::HeaderValue;
use skykey_types::Secret;

/// Builds JupyterHub's `Authorization` header, marked as a secret.
fn bearer(token: &Secret) -> Result<HeaderValue, HubError> {
    let mut value = HeaderValue::from_str(&format!("token {}", token.expose()))
        .map_err(|_| HubError::Setup("the token is not valid in a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
