//! What an operator wants to know of a hub before anybody asks it in earnest.

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION};
use serde::Deserialize;
use skykey_types::Secret;
use skykey_upstream::{Answer, Call};

use crate::{Hub, HubError, bearer};

/// A service of the hub's, by the hub's word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HubService {
    /// Its name.
    pub name: String,
    /// `service`, or `user` if it is somebody's token.
    #[serde(default)]
    pub kind: String,
    /// What its token may do.
    #[serde(default)]
    pub scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl Hub {
    /// The hub's version, which it tells everybody (`GET /hub/api/`).
    pub async fn version(&self) -> Result<String, HubError> {
        let answer = self.look("ask for its version", "hub/api/", None).await?;
        match answer.status {
            200 => {
                let told: Version = answer.json().map_err(HubError::Unexpected)?;
                Ok(told.version)
            }
            status => Err(HubError::Status(status)),
        }
    }

    /// Which service a token is of; `None` if the hub does not know it.
    pub async fn service(&self, token: &Secret) -> Result<Option<HubService>, HubError> {
        let operation = "ask whose the service token is";
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
            .map_err(|_| HubError::Setup("its address cannot be called".to_owned()))?;
        Ok(self.upstream().send(&Call::new(operation, request)).await?)
    }
}
