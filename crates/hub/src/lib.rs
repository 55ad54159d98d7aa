//! The client of a JupyterHub: whose a token is, by the hub's own word (`GET /hub/api/user`). For that it
//! needs no credential of skykey's at the hub, since the token vouches for itself, and it decides nothing:
//! the hub says who somebody is, the IAM says what they may. If a site wants people's servers stopped, it
//! does that too ([`Servers`]), as a service of the hub with a token of its own. What always holds: a no is
//! never kept, a yes for [`KEPT`] only, so that a stopped server's token is refused that much later at
//! most; a hub that does not answer is an error and never a yes; no error holds a token.

mod error;
mod hub;
mod kept;
mod name;
mod servers;
mod user;

pub use error::HubError;
pub use hub::{Hub, HubSettings};
pub use kept::KEPT;
pub use name::HubName;
pub use servers::Servers;
pub use user::HubUser;
