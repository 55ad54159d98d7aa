//! An IAM and a Keystone for one machine, with the protocols of the real ones.
//!
//! They replace INDIGO IAM and OpenStack Keystone for trying skykey, for teaching and for tests. The same
//! requests get the same responses, so clients cannot tell the difference. They are not for a network or
//! an institute: people are seeded, not enrolled, and all state is a few JSON files. What always holds:
//!
//! - Both share one [`Directory`] of people and groups.
//! - A change is on the disk before its response is sent.
//! - Passwords and refresh tokens are stored only as hashes.
//! - No request makes them panic.

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
