//! A broker whose neighbours are fakes: an IAM, a Keystone, an STS, a prover and a hub in memory.
//! A test says how each behaves, and counts what it was asked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fakes;
mod hub;
mod world;

pub use fakes::{BACKEND, Door, FakeKeystone, FakePeople, FakeProver, FakeSts, ISSUER, Mood};
pub use hub::FakeHub;
pub use world::{
    GRACE, JOIN_AT, WATCH_EVERY, World, application_credential, caller, demo, demo_for,
    demo_writing, echo, parsed, show_to, subject, survey,
};
