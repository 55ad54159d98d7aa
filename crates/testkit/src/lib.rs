//! What several crates' tests share: a scripted HTTP server.
//!
//! Only a `dev-dependency`: nothing of it is in the program. It knows no crate that uses it.

mod http;

pub use http::{Request, Response, Server};
