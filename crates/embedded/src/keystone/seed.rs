//! Projects, services and roles from the configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skykey_types::{GroupPath, ProjectName, Secret};

use super::state::{State, new_id};
use crate::{Account, Directory, EmbeddedError, StateFile};

// Guesses at a service's password are not throttled: an attacker could lock the service out.
const MIN_SERVICE_PASSWORD_BYTES: usize = 16;

/// The projects and services. One that is removed from the seed is disabled; it has its old id if it
/// comes back.
#[derive(Debug, Clone, Default)]
pub struct KeystoneSeed {
    /// The projects, in the domain `default`.
    pub projects: Vec<ProjectSeed>,
    /// The service users.
    pub services: Vec<ServiceUserSeed>,
}

/// A project.
#[derive(Debug, Clone)]
pub struct ProjectSeed {
    /// Its name.
    pub name: ProjectName,
    /// The IAM groups whose people have the role `member`; being in one is enough.
    pub member_groups: Vec<GroupPath>,
}

/// A service user.
#[derive(Debug, Clone)]
pub struct ServiceUserSeed {
    /// Its name; no person has it.
    pub username: String,
    /// Its password, at least 16 characters.
    pub password: Secret,
    /// Its roles in projects of the seed.
    pub roles: Vec<(ProjectName, Role)>,
}

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May do everything; implies `member`.
    Admin,
    /// A member of the project; implies `reader`.
    Member,
    /// Has no effect on EC2 credentials.
    Reader,
    /// May look up the signer of a request.
    Service,
}

impl Role {
    /// The role's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Reader => "reader",
            Self::Service => "service",
        }
    }

    /// The role with those that it implies.
    fn with_implied(self) -> &'static [Self] {
        match self {
            Self::Admin => &[Self::Admin, Self::Member, Self::Reader],
            Self::Member => &[Self::Member, Self::Reader],
            Self::Reader => &[Self::Reader],
            Self::Service => &[Self::Service],
        }
    }
}

/// Roles by project id, with the implied ones.
pub(super) type Roles = BTreeMap<String, BTreeSet<Role>>;

/// The seed, with the ids that the state file remembers.
pub(super) struct Seeded {
    /// By id.
    pub(super) projects: BTreeMap<String, ProjectSeed>,
    /// By id.
    pub(super) services: BTreeMap<String, Service>,
}

pub(super) struct Service {
    pub(super) username: String,
    pub(super) password: Secret,
    pub(super) roles: Roles,
}

impl Seeded {
    pub(super) fn plant(
        seed: KeystoneSeed,
        state: &StateFile<State>,
        directory: &Directory,
    ) -> Result<Self, EmbeddedError> {
        check(&seed, directory)?;
        let known = state.read(|state| {
            seed.projects
                .iter()
                .all(|project| state.project_ids.contains_key(&project.name))
                && seed
                    .services
                    .iter()
                    .all(|service| state.service_ids.contains_key(&service.username))
        });
        if !known {
            state.update_blocking(|state| {
                for project in &seed.projects {
                    state
                        .project_ids
                        .entry(project.name.clone())
                        .or_insert_with(new_id);
                }
                for service in &seed.services {
                    state
                        .service_ids
                        .entry(service.username.clone())
                        .or_insert_with(new_id);
                }
                Ok::<_, EmbeddedError>(())
            })?;
        }
        Ok(state.read(|state| {
            let project_id = |name: &ProjectName| state.project_ids.get(name).cloned();
            let services = seed.services.into_iter().filter_map(|service| {
                let mut roles = Roles::new();
                for (project, role) in &service.roles {
                    if let Some(id) = project_id(project) {
                        roles.entry(id).or_default().extend(role.with_implied());
                    }
                }
                let id = state.service_ids.get(&service.username)?.clone();
                Some((
                    id,
                    Service {
                        username: service.username,
                        password: service.password,
                        roles,
                    },
                ))
            });
            Self {
                services: services.collect(),
                projects: seed
                    .projects
                    .into_iter()
                    .filter_map(|project| Some((project_id(&project.name)?, project)))
                    .collect(),
            }
        }))
    }

    /// The projects that the account's groups make it a member of.
    pub(super) fn projects_of(&self, account: &Account) -> BTreeSet<String> {
        let is_member = |project: &ProjectSeed| {
            project
                .member_groups
                .iter()
                .any(|g| account.groups.contains(g))
        };
        self.projects
            .iter()
            .filter(|(_, project)| is_member(project))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The roles of a person who is a member of these projects, as far as they are still there.
    pub(super) fn member_of(&self, projects: &BTreeSet<String>) -> Roles {
        let still = projects.iter().filter(|id| self.projects.contains_key(*id));
        still
            .map(|id| {
                (
                    id.clone(),
                    Role::Member.with_implied().iter().copied().collect(),
                )
            })
            .collect()
    }
}

fn check(seed: &KeystoneSeed, directory: &Directory) -> Result<(), EmbeddedError> {
    let names: BTreeSet<&ProjectName> = seed.projects.iter().map(|project| &project.name).collect();
    let fail = |why: String| Err(EmbeddedError::Seed(why));
    if names.len() != seed.projects.len() {
        return fail("a project occurs twice".to_owned());
    }
    let mut users = BTreeSet::new();
    for service in &seed.services {
        let name = &service.username;
        if !users.insert(name) {
            return fail(format!("the service user {name} occurs twice"));
        }
        if directory.by_username(name).is_some() {
            return fail(format!("the service user {name} has the name of a person"));
        }
        if service.password.expose().len() < MIN_SERVICE_PASSWORD_BYTES {
            return fail(format!(
                "the password of the service user {name} has fewer than {MIN_SERVICE_PASSWORD_BYTES} characters"
            ));
        }
        if let Some((project, _)) = service
            .roles
            .iter()
            .find(|(project, _)| !names.contains(project))
        {
            return fail(format!(
                "the service user {name} has a role in {project}, which is not seeded"
            ));
        }
    }
    Ok(())
}
