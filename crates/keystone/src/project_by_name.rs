//! Finds a project by name, without being a member of it.

use http::Method;
use serde::Deserialize;

use crate::transport::Call;
use crate::{Caller, Error, Keystone, Project, ProjectRef};

impl Keystone {
    /// Returns the project of this name in this domain, or `None`, from `GET /v3/domains?name=…` and
    /// `GET /v3/projects?name=…&domain_id=…` with our own token, which must be an administrator's.
    /// A user with a role in it can use [`Keystone::projects`].
    pub async fn project_by_name(&self, wanted: &ProjectRef) -> Result<Option<Project>, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            projects: Vec<Project>,
        }
        let Some(domain) = self.domain_by_name(&wanted.domain).await? else {
            return Ok(None);
        };
        let mut call = Call::new("look up the project", Method::GET, vec!["projects"]);
        call.query = vec![("name", &wanted.name), ("domain_id", &domain)];
        let found: Envelope = self.call(Caller::Own, &call).await?.json()?;
        Ok(found
            .projects
            .into_iter()
            .find(|project| project.name == wanted.name))
    }

    /// Returns the id of the domain of this name.
    async fn domain_by_name(&self, name: &str) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            domains: Vec<Domain>,
        }
        #[derive(Deserialize)]
        struct Domain {
            id: String,
            name: String,
        }
        let mut call = Call::new("look up the domain", Method::GET, vec!["domains"]);
        call.query = vec![("name", name)];
        let found: Envelope = self.call(Caller::Own, &call).await?.json()?;
        Ok(found
            .domains
            .into_iter()
            // Logins accept the name in upper and lower case if the database does.
            .find(|domain| domain.name.eq_ignore_ascii_case(name))
            .map(|domain| domain.id))
    }
}
