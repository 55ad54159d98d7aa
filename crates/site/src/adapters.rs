//! The production clients as the broker's ports.

mod echo;
mod hub;
mod iam;
mod keystone;
mod sts;

pub use echo::EchoProver;
pub use hub::HubServers;
pub use iam::IamPeople;
pub use keystone::{KeystonePort, KeystoneSettings};
pub use sts::StsExchange;
