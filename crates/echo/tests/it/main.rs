//! Proofs and sites, at a server that answers as it is told and at a real Ceph.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a failure")]

mod prove;
mod real;
mod server;
mod site;
