//! The present users: the directory's people and the services.

use std::collections::BTreeSet;

use skykey_types::Secret;

use super::Keystone;
use super::answer::Refusal;
use super::seed::Roles;
use super::state::{Person, new_id};
use crate::Account;

/// A user as they are now.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) enabled: bool,
    /// A person's `sub` at IAM; a service has none.
    pub(super) sub: Option<String>,
    /// Of a person: as of the last login.
    pub(super) roles: Roles,
}

/// How a request names a user.
pub(super) enum UserName<'a> {
    Id(&'a str),
    /// In the domain `default`.
    Name(&'a str),
}

impl Keystone {
    /// The user with this id.
    pub(super) fn user(&self, id: &str) -> Option<User> {
        if let Some(service) = self.seeded.services.get(id) {
            let (name, roles) = (service.username.clone(), service.roles.clone());
            return Some(User {
                id: id.to_owned(),
                name,
                enabled: true,
                sub: None,
                roles,
            });
        }
        let person = self.state.read(|state| state.people.get(id).cloned())?;
        let account = self.directory.by_sub(&person.sub)?;
        Some(User {
            id: id.to_owned(),
            name: account.username.clone(),
            enabled: account.is_usable(self.clock.now()),
            sub: Some(person.sub),
            roles: self.seeded.member_of(&person.projects),
        })
    }

    /// The id of the user of this name, if it is a service or a person who ever logged in.
    pub(super) fn id_of(&self, name: &str) -> Option<String> {
        if let Some((id, _)) = self
            .seeded
            .services
            .iter()
            .find(|(_, service)| service.username == name)
        {
            return Some(id.clone());
        }
        let account = self.directory.by_username(name)?;
        self.state
            .read(|state| state.id_of_sub(&account.sub).cloned())
    }

    /// The user, if this is their password and they may log in.
    pub(super) async fn check_password(
        &self,
        who: UserName<'_>,
        password: &Secret,
    ) -> Result<User, Refusal> {
        let service_id = match who {
            UserName::Id(id) => Some(id.to_owned()),
            UserName::Name(name) => self.id_of(name),
        };
        if let Some((id, service)) =
            service_id.and_then(|id| self.seeded.services.get_key_value(&id))
        {
            let user = if service.password == *password {
                self.user(id)
            } else {
                None
            };
            return user.ok_or_else(Refusal::unauthorized);
        }
        let username = match who {
            UserName::Name(name) => Some(name.to_owned()),
            UserName::Id(id) => self.user(id).map(|user| user.name),
        };
        // No username is empty: an unknown id takes as long as a wrong password.
        let account = self
            .directory
            .check_password(&username.unwrap_or_default(), password)
            .await?;
        self.logged_in(&account).await
    }

    /// Returns the user of an account that has just logged in, with the roles of its present groups;
    /// creates it at the first login.
    pub(super) async fn logged_in(&self, account: &Account) -> Result<User, Refusal> {
        let projects = self.seeded.projects_of(account);
        let known = self.state.read(|state| {
            let id = state.id_of_sub(&account.sub)?;
            Some((
                id.clone(),
                state
                    .people
                    .get(id)
                    .is_some_and(|person| person.projects == projects),
            ))
        });
        let id = match known {
            Some((id, true)) => id,
            _ => self.remember(account.sub.clone(), projects).await?,
        };
        self.user(&id)
            .filter(|user| user.enabled)
            .ok_or_else(Refusal::unauthorized)
    }

    async fn remember(&self, sub: String, projects: BTreeSet<String>) -> Result<String, Refusal> {
        let id = self
            .state
            .update(move |state| {
                let id = state.id_of_sub(&sub).cloned().unwrap_or_else(new_id);
                state.people.insert(id.clone(), Person { sub, projects });
                id
            })
            .await?;
        Ok(id)
    }
}
