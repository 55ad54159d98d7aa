//! The client and a scripted server.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a failure")]

mod operations;
mod renewing;
mod server;
mod streaming;
