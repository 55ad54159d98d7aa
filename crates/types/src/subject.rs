//! People, as IAM knows them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::GroupPath;

/// Who somebody is, for ever: the issuer that vouches for them and the `sub` that it gave them
/// (OpenID Connect Core 1.0 §2). Names and groups change; this does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubjectId {
    /// The issuer's URL, with the trailing slash that INDIGO IAM writes.
    pub issuer: String,
    /// The issuer's name for the person.
    pub sub: String,
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.issuer, self.sub)
    }
}

/// A subject with what IAM says about them at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who it is.
    pub id: SubjectId,
    /// The login name, for logs and pages.
    pub username: String,
    /// The groups they are in, all of them.
    pub groups: BTreeSet<GroupPath>,
    /// Whether the account may be used at all.
    pub active: bool,
    /// When the account ends (INDIGO's `endTime`); no lease outlives it.
    pub account_end: Option<Timestamp>,
}

impl Person {
    /// Whether the person is in at least one of `groups`.
    pub fn is_in_any(&self, groups: &[GroupPath]) -> bool {
        groups.iter().any(|group| self.groups.contains(group))
    }
}
