//! What a hub calls its users.

use serde::Deserialize;

/// What a hub calls its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HubName {
    /// By their login names at the IAM.
    Username,
    /// By the IAM's `sub`.
    Sub,
}
