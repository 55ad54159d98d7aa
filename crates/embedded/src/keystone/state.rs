//! The state file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skykey_types::{AccessKeyId, ProjectName, random_bytes};

use super::seed::Role;

/// The content of `keystone.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) project_ids: BTreeMap<ProjectName, String>,
    pub(super) service_ids: BTreeMap<String, String>,
    /// By user id: everybody who ever logged in.
    pub(super) people: BTreeMap<String, Person>,
    /// By credential id, the SHA-256 of the access key id.
    pub(super) ec2: BTreeMap<String, Ec2>,
    /// By id.
    pub(super) app_credentials: BTreeMap<String, AppCredential>,
}

/// A person of the directory, as of their last login.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) sub: String,
    /// The ids of the projects they were a member of.
    pub(super) projects: BTreeSet<String>,
}

/// An EC2 credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ec2 {
    pub(super) access: AccessKeyId,
    /// The secret in a sealed box, base64.
    pub(super) sealed: String,
    pub(super) user_id: String,
    pub(super) project_id: String,
}

/// An application credential. Its secret has 256 random bits, so a plain hash keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AppCredential {
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// The secret's SHA-256, hexadecimal.
    pub(super) secret_hash: String,
    pub(super) user_id: String,
    pub(super) project_id: String,
    pub(super) roles: BTreeSet<Role>,
    pub(super) unrestricted: bool,
    pub(super) expires: Option<Timestamp>,
}

impl State {
    /// The user id of the person with this `sub`, if they ever logged in.
    pub(super) fn id_of_sub(&self, sub: &str) -> Option<&String> {
        self.people
            .iter()
            .find(|(_, person)| person.sub == sub)
            .map(|(id, _)| id)
    }
}

/// 32 hexadecimal characters that nobody can guess, as Keystone's own ids.
pub(super) fn new_id() -> String {
    hex::encode(random_bytes::<16>())
}
