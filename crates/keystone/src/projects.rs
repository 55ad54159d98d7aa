//! Lists the projects of a person.

use http::Method;
use serde::Deserialize;

use crate::transport::Call;
use crate::{Caller, Error, Keystone, Project};

impl Keystone {
    /// Lists the enabled projects in which the caller has a role, in every domain, from
    /// `GET /v3/auth/projects`. It needs no right, not even a project.
    pub async fn projects(&self, caller: Caller<'_>) -> Result<Vec<Project>, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            projects: Vec<Listed>,
        }
        #[derive(Deserialize)]
        struct Listed {
            #[serde(default = "yes")]
            enabled: bool,
            #[serde(flatten)]
            project: Project,
        }
        fn yes() -> bool {
            true
        }
        let call = Call::new(
            "list the person's projects",
            Method::GET,
            vec!["auth", "projects"],
        );
        let found: Envelope = self.call(caller, &call).await?.json()?;
        Ok(found
            .projects
            .into_iter()
            .filter(|listed| listed.enabled)
            .map(|listed| listed.project)
            .collect())
    }
}
