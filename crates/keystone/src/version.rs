//! Which API Keystone speaks.

use http::Method;
use serde::Deserialize;

use crate::transport::Call;
use crate::{Error, Keystone};

/// The version of the API, which is not the release: Keystone tells nobody its release, so
/// whether an advisory concerns it can only be tried (see [`crate::ADVISORIES`]).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// `v3.14` since the release of 2020.
    pub id: String,
    /// `stable`.
    pub status: String,
    /// When this version of the API came out.
    pub updated: String,
}

impl Keystone {
    /// The version of the API, from `GET /v3`. Anybody may ask.
    pub async fn version(&self) -> Result<Version, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            version: Version,
        }
        let call = Call::new("ask for Keystone's version", Method::GET, Vec::new());
        let answer = self.0.transport.send(&call, None).await?;
        Ok(answer.json::<Envelope>()?.version)
    }
}
