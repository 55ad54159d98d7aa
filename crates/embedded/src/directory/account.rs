//! A person's account, and a group.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skykey_types::GroupPath;

/// A person in the directory, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The permanent id of the person, a UUID.
    pub sub: String,
    /// The login name.
    pub username: String,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// The mail address, taken as verified.
    pub email: String,
    /// The role in the demo of a seeded person, such as "an astronomer, in no group yet".
    pub is: String,
    /// Whether the account may be used at all.
    pub active: bool,
    /// When it ends (INDIGO's `endTime`).
    pub account_end: Option<Timestamp>,
    /// The groups the person is in, all of them.
    pub groups: BTreeSet<GroupPath>,
    /// The groups whose requests and members the person manages.
    pub manages: BTreeSet<GroupPath>,
    /// When the account was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

impl Account {
    /// Whether the account may be used at `now`: active, and not at its end.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.active && self.account_end.is_none_or(|end| now < end)
    }

    /// Given and family name.
    pub fn full_name(&self) -> String {
        [self.given_name.as_str(), self.family_name.as_str()]
            .join(" ")
            .trim()
            .to_owned()
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The permanent id of the group, a UUID.
    pub id: String,
    /// Its name for people, with the names of the groups above it.
    pub path: GroupPath,
    /// What it is for, in a few words; may be empty.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredAccount {
    pub(super) account: Account,
    /// An argon2id hash in PHC format.
    pub(super) password: String,
}
