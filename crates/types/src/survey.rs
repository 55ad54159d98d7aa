//! A survey: what a person picks when they ask for credentials.

use crate::{
    Access, GroupPath, Lifetime, Limits, Method, Person, Prefix, ProjectName, Rights, RoleArn,
    SurveyName,
};

/// A named set of places in the object store, with the people who may read or write them and the
/// terms on which they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The name that people type.
    pub name: SurveyName,
    /// The name that people read.
    pub title: String,
    /// Where its objects lie.
    pub prefixes: Vec<Prefix>,
    /// The groups whose members may read.
    pub readers: Vec<GroupPath>,
    /// The groups whose members may write (and read).
    pub curators: Vec<GroupPath>,
    /// The OpenStack project that owns the data; the curators are its members.
    pub data_project: ProjectName,
    /// The OpenStack project of the readers, which owns nothing.
    pub readers_project: ProjectName,
    /// How short and how long a lease may be.
    pub lifetime: Limits,
    /// Cuts leases of the method `gateway` at so much, even below the shortest. It never lengthens one.
    /// For tests that cannot wait for an expiry.
    pub cut: Option<Lifetime>,
    /// The methods on offer.
    pub methods: Vec<Method>,
    /// The roles that the method `assume-role` assumes.
    pub roles: Roles,
}

/// The object store's roles for a survey.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles {
    /// The one that reads.
    pub read: Option<RoleArn>,
    /// The one that writes.
    pub write: Option<RoleArn>,
}

impl Roles {
    /// The role of that access.
    pub fn of(&self, access: Access) -> Option<&RoleArn> {
        match access {
            Access::Read => self.read.as_ref(),
            Access::Write => self.write.as_ref(),
        }
    }
}

impl Survey {
    /// The furthest access that the person's groups give them, if any.
    pub fn access_of(&self, person: &Person) -> Option<Access> {
        if !person.active {
            None
        } else if person.is_in_any(&self.curators) {
            Some(Access::Write)
        } else if person.is_in_any(&self.readers) {
            Some(Access::Read)
        } else {
            None
        }
    }

    /// The rights of a lease of this survey.
    pub fn rights(&self, access: Access) -> Rights {
        Rights::to(&self.prefixes, access)
    }

    /// The project in which an EC2 credential of that access lives.
    pub fn project(&self, access: Access) -> &ProjectName {
        match access {
            Access::Read => &self.readers_project,
            Access::Write => &self.data_project,
        }
    }

    /// The access that an EC2 credential of `project` has, if the project is one of the survey's.
    pub fn access_of_project(&self, project: &str) -> Option<Access> {
        if self.data_project.as_str() == project {
            Some(Access::Write)
        } else if self.readers_project.as_str() == project {
            Some(Access::Read)
        } else {
            None
        }
    }
}
