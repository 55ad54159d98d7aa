//! The id of a Keystone project, which is the id of its user at the gateway.

use std::fmt;
use std::str::FromStr;

use skykey_types::NameError;

/// A project's id as Keystone gives it, usually 32 hexadecimal characters. At the gateway all people
/// of a project are one user, whose id this is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(String);

impl ProjectId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectId {
    type Err = NameError;

    /// It goes into policies, where `*` and `:` would mean something else.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError {
                what: "project id",
                found: text.chars().take(80).collect(),
                expected: "1 to 64 letters, digits, '-' and '_', as `openstack project show` prints it",
            })
        }
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_widen_a_policy_is_not_a_project_id() {
        assert!(
            "0333d1fcb49b42f48b6f0eedf4296f72"
                .parse::<ProjectId>()
                .is_ok()
        );
        for bad in ["", "*", "a:root", "a b", "a$b", &"x".repeat(65)] {
            assert!(bad.parse::<ProjectId>().is_err(), "{bad:?} was accepted");
        }
    }
}
