//! Finding a project.

use reqwest::Method;
use serde::Deserialize;

use crate::transport::Call;
use crate::{Caller, Error, Keystone, Project};

impl Keystone {
    /// The project of this name in the domain with the id `default`, or `None`, from
    /// `GET /v3/projects?name=…&domain_id=default` with our own token, which must be an
    /// administrator's.
    pub async fn project_by_name(&self, name: &str) -> Result<Option<Project>, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            projects: Vec<Project>,
        }
        let mut call = Call::new("look up the project", Method::GET, vec!["projects"]);
        call.query = vec![("name", name), ("domain_id", "default")];
        let found: Envelope = self.call(Caller::Own, &call).await?.json()?;
        Ok(found
            .projects
            .into_iter()
            .find(|project| project.name == name))
    }
}
