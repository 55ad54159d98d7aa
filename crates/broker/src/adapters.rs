//! The production clients, fitted to the broker's ports.

mod echo;
mod hub;
mod iam;
mod keystone;
mod sts;

pub use hub::HubServers;
pub use iam::IamPeople;
pub use keystone::{KeystoneAdmin, KeystonePort, KeystoneSettings, KeystoneUser};
