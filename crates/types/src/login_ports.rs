//! Where a login in a browser may come back to.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

/// The ports of this machine's loopback address that the IAM sends a browser back to, when the command logs in with
/// one. On the wire and in the configuration: `"any"`, or a list of ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum LoginPorts {
    /// Any: the IAM does what RFC 8252 §7.3 asks of it.
    Any,
    /// These: the IAM wants to have each address registered. At least one.
    These(Vec<NonZeroU16>),
}

/// What was meant for [`LoginPorts`] and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write \"any\", or a list of ports such as [28411, 28412, 28413]")]
pub struct ParseLoginPortsError;

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "write \"any\", or a list of ports such as [28411, 28412, 28413]"
)]
enum Wire {
    Word(String),
    Ports(Vec<NonZeroU16>),
}

impl LoginPorts {
    /// The address that a browser is sent back to at `port`, exactly as it has to be registered.
    pub fn redirect(port: u16) -> String {
        format!("http://127.0.0.1:{port}/callback")
    }
}

impl TryFrom<Wire> for LoginPorts {
    type Error = ParseLoginPortsError;

    fn try_from(wire: Wire) -> Result<Self, ParseLoginPortsError> {
        match wire {
            Wire::Word(word) if word == "any" => Ok(Self::Any),
            Wire::Ports(ports) if !ports.is_empty() => Ok(Self::These(ports)),
            _ => Err(ParseLoginPortsError),
        }
    }
}

impl From<LoginPorts> for Wire {
    fn from(ports: LoginPorts) -> Self {
        match ports {
            LoginPorts::Any => Self::Word("any".to_owned()),
            LoginPorts::These(ports) => Self::Ports(ports),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_any_or_a_list() {
        for text in ["\"any\"", "[28411,28412]"] {
            let ports: LoginPorts = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&ports).unwrap(), text);
        }
        for text in [
            "\"all\"", "[]", "[0]", "[65536]", "28411", "null", "[\"1\"]",
        ] {
            let error = serde_json::from_str::<LoginPorts>(text).unwrap_err();
            assert!(error.to_string().contains("28411"), "{text}: {error}");
        }
    }
}
