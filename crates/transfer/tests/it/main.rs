//! Reading and copying from a scripted server.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a failure")]

mod copying;
mod keys;
mod reading;
mod server;
mod uploading;
