//! Doors on real sockets of this machine, with real clients.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod framing;
mod health;
mod limits;
mod log;
mod requests;
mod site;
mod tls;
