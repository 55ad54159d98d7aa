//! The client against a portal and an IAM that answer as they are told.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a failure")]

mod browser;
mod credentials;
mod identities;
mod joining;
mod keyring;
mod logins;
mod logout;
mod machines;
mod portal;
mod refusals;
