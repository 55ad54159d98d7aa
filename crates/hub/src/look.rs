//! Checks of a hub for `skykey doctor`.

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION};
use serde::Deserialize;
use skykey_types::Secret;
use skykey_upstream::{Answer, Call};

use crate::{Hub, HubError, bearer};

/// The owner of a service's token, as the hub reports it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HubService {
    /// Its name.
    pub name: String,
    /// `service`, or `user` if it is a person's token.
    #[serde(default)]
    pub kind: String,
    /// The scopes of its token.
    #[serde(default)]
    pub scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl Hub {
    /// Returns the hub's version (`GET /hub/api/`, open to everybody).
    pub async fn version(&self) -> Result<String, HubError> {
        let answer = self.look("read the version", "hub/api/", None).await?;
        match answer.status {
            200 => {
                let found: Version = answer.json().map_err(HubError::Unexpected)?;
                Ok(found.version)
            }
            status => Err(HubError::Status(status)),
        }
    }

    /// Returns the service of a token; `None` if the hub does not know it.
    pub async fn service(&self, token: &Secret) -> Result<Option<HubService>, HubError> {
        let operation = "identify the service token";
        let answer = self.look(operation, "hub/api/user", Some(token)).await?;
        match answer.status {
            200 => answer.json().map(Some).map_err(HubError::Unexpected),
            401 | 403 => Ok(None),
            status => Err(HubError::Status(status)),
        }
    }

    async fn look(
        &self,
        operation: &'static str,
        path: &str,
        token: Option<&Secret>,
    ) -> Result<Answer, HubError> {
        let mut request = Request::get(self.at(path)?.as_str()).header(ACCEPT, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        let request = request
            .body(Bytes::new())
            .map_err(|_| HubError::Setup("its address is not valid in a request".to_owned()))?;
        Ok(self.upstream().send(&Call::new(operation, request)).await?)
    }
}
