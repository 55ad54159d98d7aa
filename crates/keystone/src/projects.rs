//! The projects of a person.

use reqwest::Method;
use serde::Deserialize;
use skykey_types::Secret;

use crate::transport::Call;
use crate::{Error, Keystone, Project};

impl Keystone {
    /// The enabled projects in which the owner of `token` has a role, from
    /// `GET /v3/auth/projects`.
    pub async fn projects(&self, token: &Secret) -> Result<Vec<Project>, Error> {
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
        let found: Envelope = self.0.transport.send(&call, Some(token)).await?.json()?;
        Ok(found
            .projects
            .into_iter()
            .filter(|listed| listed.enabled)
            .map(|listed| listed.project)
            .collect())
    }
}
