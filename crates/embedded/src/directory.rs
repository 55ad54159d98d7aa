//! The people and groups that the IAM and the Keystone share.

mod account;
mod passwords;
mod seed;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use skykey_types::{Clock, GroupPath, Secret, random_bytes};

pub use account::{Account, Group};
pub use seed::{GroupSeed, PersonSeed, Seed};

use crate::throttle::Throttle;
use crate::{EmbeddedError, StateFile};
use account::StoredAccount;
use passwords::Passwords;

/// Why a password was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// An unknown username or a wrong password; the caller does not learn which.
    #[error("the username or the password is wrong")]
    Wrong,
    /// The password is right, but the account is deactivated or has ended.
    #[error("the account is deactivated or has ended")]
    Disabled,
    /// Too many failures: the password was not even looked at.
    #[error("too many failed attempts; try again in {} seconds", retry_after.as_secs().max(1))]
    Throttled {
        /// How long to wait.
        retry_after: SignedDuration,
    },
    /// Too many checks are under way, or the check itself failed.
    #[error("passwords cannot be checked just now; try again")]
    Unavailable,
}

/// The people and groups. What it answers is what the disk holds; the password hashes never leave
/// it.
#[derive(Debug)]
pub struct Directory {
    state: StateFile<State>,
    passwords: Passwords,
    throttle: Mutex<Throttle>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// By `sub`.
    people: BTreeMap<String, StoredAccount>,
    groups: BTreeMap<GroupPath, Group>,
}

impl Directory {
    /// Opens `directory.json` in the folder `dir` (which must exist) and adds what the seed names
    /// and the file does not: a group or a person that is there already is left as it is, so who
    /// was removed from a group stays removed. Blocks: hashing a new person's password takes
    /// some tens of milliseconds.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>, seed: Seed) -> Result<Self, EmbeddedError> {
        let passwords = Passwords::new()?;
        let state = StateFile::<State>::open(&dir.join("directory.json"))?;
        seed.apply(&state, &passwords, clock.now())?;
        Ok(Self {
            state,
            passwords,
            throttle: Mutex::default(),
            clock,
        })
    }

    /// The account of this username, if this is its password and it may be used. Attempts are
    /// throttled by username and over all usernames together: after five failures the next try
    /// must wait a second, then two, then four, up to a quarter of an hour. A username that does
    /// not exist costs the same time.
    pub async fn check_password(
        &self,
        username: &str,
        password: &Secret,
    ) -> Result<Account, PasswordError> {
        let permit = self.passwords.permit().await?;
        let begun = self.throttle().begin(username, self.clock.now());
        begun.map_err(|retry_after| PasswordError::Throttled { retry_after })?;
        let (sub, hash) = self
            .state
            .read(|state| {
                let person = state
                    .people
                    .values()
                    .find(|person| person.account.username == username)?;
                Some((person.account.sub.clone(), person.password.clone()))
            })
            .unzip();
        let right = permit.check(hash, password.clone()).await?;
        let account = sub
            .filter(|_| right)
            .and_then(|sub| self.by_sub(&sub))
            .ok_or(PasswordError::Wrong)?;
        self.throttle().forgive(username);
        if account.is_usable(self.clock.now()) {
            Ok(account)
        } else {
            Err(PasswordError::Disabled)
        }
    }

    /// The account with this username, usable or not.
    pub fn by_username(&self, username: &str) -> Option<Account> {
        self.state.read(|state| {
            state
                .people
                .values()
                .map(|person| &person.account)
                .find(|account| account.username == username)
                .cloned()
        })
    }

    /// The account with this `sub`, usable or not.
    pub fn by_sub(&self, sub: &str) -> Option<Account> {
        self.state
            .read(|state| state.people.get(sub).map(|person| person.account.clone()))
    }

    /// The account with this `sub`, if it may be used now.
    pub fn usable(&self, sub: &str) -> Option<Account> {
        self.by_sub(sub)
            .filter(|account| account.is_usable(self.clock.now()))
    }

    /// Everybody, by username.
    pub fn people(&self) -> Vec<Account> {
        let mut people: Vec<_> = self.state.read(|state| {
            state
                .people
                .values()
                .map(|person| person.account.clone())
                .collect()
        });
        people.sort_by(|a: &Account, b| a.username.cmp(&b.username));
        people
    }

    /// Every group, by path.
    pub fn groups(&self) -> Vec<Group> {
        self.state
            .read(|state| state.groups.values().cloned().collect())
    }

    /// The group with this path.
    pub fn group(&self, path: &GroupPath) -> Option<Group> {
        self.state.read(|state| state.groups.get(path).cloned())
    }

    /// The group with this id.
    pub fn group_by_id(&self, id: &str) -> Option<Group> {
        self.state
            .read(|state| state.groups.values().find(|group| group.id == id).cloned())
    }

    /// Makes the person a member of the group and, as INDIGO does, of the groups above it. No
    /// effect on one who is a member.
    pub async fn add_to_group(&self, sub: &str, group: &GroupPath) -> Result<(), EmbeddedError> {
        let path = group.clone();
        self.change(sub, move |state, sub| {
            if !state.groups.contains_key(&path) {
                return Err(EmbeddedError::NoSuchGroup(path));
            }
            let joined: Vec<_> = state
                .groups
                .keys()
                .filter(|above| lies_at_or_below(&path, above))
                .cloned()
                .collect();
            account_of(state, sub)?.groups.extend(joined);
            Ok(())
        })
        .await
    }

    /// Ends the person's membership of the group and, as INDIGO does, of the groups below it. No
    /// effect on one who is not a member.
    pub async fn remove_from_group(
        &self,
        sub: &str,
        group: &GroupPath,
    ) -> Result<(), EmbeddedError> {
        let path = group.clone();
        self.change(sub, move |state, sub| {
            if !state.groups.contains_key(&path) {
                return Err(EmbeddedError::NoSuchGroup(path));
            }
            account_of(state, sub)?
                .groups
                .retain(|member_of| !lies_at_or_below(member_of, &path));
            Ok(())
        })
        .await
    }

    /// Lets the account be used, or not. All tokens of an account that may not be used stop
    /// working at once.
    pub async fn set_active(&self, sub: &str, active: bool) -> Result<(), EmbeddedError> {
        self.change(sub, move |state, sub| {
            account_of(state, sub)?.active = active;
            Ok(())
        })
        .await
    }

    /// Sets when the account ends, or that it does not.
    pub async fn set_account_end(
        &self,
        sub: &str,
        end: Option<Timestamp>,
    ) -> Result<(), EmbeddedError> {
        self.change(sub, move |state, sub| {
            account_of(state, sub)?.account_end = end;
            Ok(())
        })
        .await
    }

    async fn change(
        &self,
        sub: &str,
        change: impl FnOnce(&mut State, &str) -> Result<(), EmbeddedError> + Send + 'static,
    ) -> Result<(), EmbeddedError> {
        let sub = sub.to_owned();
        let now = self.clock.now();
        self.state
            .try_update(move |state| {
                change(state, &sub)?;
                account_of(state, &sub)?.updated = now;
                Ok(())
            })
            .await
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A random UUID, version 4 (RFC 9562 §5.4), as INDIGO names people, groups and requests.
pub(crate) fn uuid() -> String {
    let mut bytes = random_bytes::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

fn account_of<'a>(state: &'a mut State, sub: &str) -> Result<&'a mut Account, EmbeddedError> {
    let person = state
        .people
        .get_mut(sub)
        .ok_or_else(|| EmbeddedError::NoSuchPerson(sub.to_owned()))?;
    Ok(&mut person.account)
}

fn lies_at_or_below(path: &GroupPath, top: &GroupPath) -> bool {
    path.as_str()
        .strip_prefix(top.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
