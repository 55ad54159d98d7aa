//! What several crates' tests share: a scripted HTTP server, an OpenID provider, and a broker on fakes.
//!
//! Only a `dev-dependency`: nothing of it is in the program. Without a feature it knows no crate of
//! ours, so that every crate's tests may use it. The feature `broker` is for the crates from `broker`
//! on; the broker's own unit tests cannot use it, since they would meet the broker twice.

#[cfg(feature = "broker")]
pub mod broker;
mod http;
#[cfg(feature = "oidc")]
pub mod oidc;

pub use http::{Request, Response, Server};
