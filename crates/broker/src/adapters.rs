//! The production clients, fitted to the broker's ports.

mod echo;
mod iam;
mod keystone;
mod sts;

pub use iam::IamPeople;
pub use keystone::{KeystoneAdmin, KeystonePort, KeystoneSettings, KeystoneUser};
