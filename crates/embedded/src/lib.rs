//! An IAM and a Keystone for one machine, speaking the protocols of the real ones.
//!
//! They stand in for INDIGO IAM and OpenStack Keystone where one person tries skykey, teaches with
//! it or tests it: the same requests get the same answers, so the clients never know which one
//! they talk to. They are not made to face a network or to serve an institute: people are seeded,
//! not enrolled, and all state is a few JSON files. What always holds: both share one
//! [`Directory`] of people and groups; what was answered as done is on the disk; a password or a
//! refresh token is kept only as a hash; nothing that arrives in a request makes them panic.

mod directory;
mod error;
mod iam;
pub mod keystone;
mod state_file;
mod throttle;

pub use directory::{Account, Directory, Group, GroupSeed, PasswordError, PersonSeed, Seed};
pub use error::EmbeddedError;
pub use iam::{AccessClaims, ClientSeed, GrantType, Iam};
pub use state_file::StateFile;
