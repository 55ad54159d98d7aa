//! A JupyterHub as the broker's [`NotebookServers`].

use async_trait::async_trait;
use skykey_broker::{NotebookServers, PortError};
use skykey_hub::{HubName, Servers};
use skykey_types::SubjectId;

/// The hub, and what it calls people.
pub struct HubServers {
    servers: Servers,
    user: HubName,
}

impl HubServers {
    /// The hub calls people by `user`.
    pub fn new(servers: Servers, user: HubName) -> Self {
        Self { servers, user }
    }
}

#[async_trait]
impl NotebookServers for HubServers {
    async fn stop_all(&self, id: &SubjectId, username: &str) -> Result<usize, PortError> {
        let name = match self.user {
            HubName::Username => username,
            HubName::Sub => &id.sub,
        };
        // Hubs write names in lower case, unless they are told otherwise.
        let lower = name.to_lowercase();
        let mut stopped = self.stop(&lower).await?;
        if lower != name && stopped.is_none() {
            stopped = self.stop(name).await?;
        }
        Ok(stopped.unwrap_or_default())
    }
}

impl HubServers {
    async fn stop(&self, user: &str) -> Result<Option<usize>, PortError> {
        self.servers
            .stop_all(user)
            .await
            .map_err(|error| PortError::Away(error.to_string()))
    }
}
