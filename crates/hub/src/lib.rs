//! The client of a JupyterHub: it identifies the owner of a token (`GET /hub/api/user`), with the token
//! itself and no credential of skykey's. It makes no decision about access: the hub identifies a person,
//! and the IAM knows their groups. With the token of a service of the hub it also checks whether the
//! token's server runs, and stops people's servers if a site configures that ([`Servers`]). What always
//! holds:
//!
//! - A rejection is never cached, a positive answer for [`CACHE_TTL`] only, so a stopped server's token is
//!   rejected that much later at most.
//! - A hub that does not answer is an error, never a positive answer.
//! - No error contains a token.

mod cache;
mod error;
mod hub;
mod look;
mod name;
mod servers;
mod user;

pub use cache::CACHE_TTL;
pub use error::HubError;
pub use hub::{Hub, HubSettings};
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
