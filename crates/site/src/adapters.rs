//! The production clients as the broker's ports.

mod echo;
mod hub;
mod iam;
mod keystone;
mod sts;

use std::fmt::Display;

use skykey_broker::PortError;
use skykey_types::ErrorKind;

pub use echo::EchoProver;
pub use hub::HubServers;
pub use iam::IamPeople;
pub use keystone::{KeystonePort, KeystoneSettings};
pub use sts::StsExchange;

/// Returns a client's error as the port's.
fn port_error(kind: ErrorKind, error: &impl Display) -> PortError {
    match kind {
        ErrorKind::Unavailable => PortError::Away(error.to_string()),
        ErrorKind::Input | ErrorKind::Refused | ErrorKind::Internal => {
            PortError::Refused(error.to_string())
        }
    }
}
