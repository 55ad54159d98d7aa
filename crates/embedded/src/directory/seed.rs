//! The people and groups to begin with.

use std::collections::BTreeSet;

use jiff::Timestamp;
use skykey_types::{GroupPath, Secret};

use super::account::StoredAccount;
use super::passwords::Passwords;
use super::{Account, Group, State, lies_at_or_below, uuid};
use crate::{EmbeddedError, StateFile};

/// Groups and people that exist from the start. Groups that only occur in a person's lists, or
/// above another group, are made too.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    /// Groups that must exist.
    pub groups: Vec<GroupSeed>,
    /// People that must exist.
    pub people: Vec<PersonSeed>,
}

/// A group to begin with.
#[derive(Debug, Clone)]
pub struct GroupSeed {
    /// Its path.
    pub path: GroupPath,
    /// What it is for, in a few words.
    pub description: String,
}

/// A person to begin with.
#[derive(Debug, Clone)]
pub struct PersonSeed {
    /// The login name: 1 to 64 characters out of letters, digits, '.', '-' and '_'.
    pub username: String,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// The mail address.
    pub email: String,
    /// Who this is, in a few words.
    pub is: String,
    /// The password, kept as an argon2id hash.
    pub password: Secret,
    /// The groups the person starts in.
    pub groups: BTreeSet<GroupPath>,
    /// The groups the person manages.
    pub manages: BTreeSet<GroupPath>,
}

impl Seed {
    /// Adds what is not there yet.
    pub(super) fn apply(
        self,
        file: &StateFile<State>,
        passwords: &Passwords,
        now: Timestamp,
    ) -> Result<(), EmbeddedError> {
        let missing = file.read(|state| {
            let has_group = |path: &GroupPath| state.groups.contains_key(path);
            let has_person = |name: &str| {
                state
                    .people
                    .values()
                    .any(|person| person.account.username == name)
            };
            !self.group_paths().iter().all(has_group)
                || !self
                    .people
                    .iter()
                    .all(|person| has_person(&person.username))
        });
        if !missing {
            return Ok(());
        }
        let descriptions: std::collections::BTreeMap<_, _> = self
            .groups
            .iter()
            .map(|group| (group.path.clone(), group.description.clone()))
            .collect();
        file.update_blocking(|state| {
            let mut fresh = BTreeSet::new();
            for path in self.group_paths() {
                if !state.groups.contains_key(&path) {
                    let description = descriptions.get(&path).cloned().unwrap_or_default();
                    let group = Group {
                        id: uuid(),
                        description,
                        path: path.clone(),
                        created: now,
                    };
                    state.groups.insert(path.clone(), group);
                    fresh.insert(path);
                }
            }
            for person in self.people {
                let known = state
                    .people
                    .values_mut()
                    .find(|known| known.account.username == person.username);
                if let Some(known) = known {
                    // Nobody can have been removed from a group that is new.
                    let joins = |path: &&GroupPath| {
                        person
                            .groups
                            .iter()
                            .any(|joined| lies_at_or_below(joined, path))
                    };
                    known
                        .account
                        .groups
                        .extend(fresh.iter().filter(joins).cloned());
                    let manages = person.manages.intersection(&fresh).cloned();
                    known.account.manages.extend(manages);
                } else {
                    let stored = person.into_stored(state, passwords, now)?;
                    state.people.insert(stored.account.sub.clone(), stored);
                }
            }
            Ok(())
        })
    }

    fn group_paths(&self) -> BTreeSet<GroupPath> {
        let named = self.groups.iter().map(|group| &group.path);
        let of_people = self
            .people
            .iter()
            .flat_map(|person| person.groups.iter().chain(&person.manages));
        named.chain(of_people).flat_map(with_those_above).collect()
    }
}

impl PersonSeed {
    fn into_stored(
        self,
        state: &State,
        passwords: &Passwords,
        now: Timestamp,
    ) -> Result<StoredAccount, EmbeddedError> {
        let name_ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if !(1..=64).contains(&self.username.len()) || !self.username.bytes().all(name_ok) {
            let why = format!(
                "'{}' is not a username",
                self.username.chars().take(80).collect::<String>()
            );
            return Err(EmbeddedError::Seed(why));
        }
        if self.password.expose().is_empty() {
            return Err(EmbeddedError::Seed(format!(
                "{} has no password",
                self.username
            )));
        }
        let is_member = |path: &&GroupPath| {
            self.groups
                .iter()
                .any(|joined| lies_at_or_below(joined, path))
        };
        let groups = state.groups.keys().filter(is_member).cloned().collect();
        let account = Account {
            sub: uuid(),
            username: self.username,
            given_name: self.given_name,
            family_name: self.family_name,
            email: self.email,
            is: self.is,
            active: true,
            account_end: None,
            groups,
            manages: self.manages,
            created: now,
            updated: now,
        };
        Ok(StoredAccount {
            account,
            password: passwords.hash(&self.password)?,
        })
    }
}

/// `a`, `a/b` and `a/b/c` of `a/b/c`.
fn with_those_above(path: &GroupPath) -> Vec<GroupPath> {
    let text = path.as_str();
    let ends = text
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([text.len()]);
    ends.filter_map(|end| text[..end].parse().ok()).collect()
}
