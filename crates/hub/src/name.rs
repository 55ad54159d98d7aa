//! The user names of a hub.

use serde::Deserialize;

/// The user names of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HubName {
    /// The login names at the IAM.
    Username,
    /// The IAM's `sub`.
    Sub,
}
