//! The version of Keystone's API.

use http::Method;
use serde::Deserialize;

use crate::transport::Call;
use crate::{Error, Keystone};

/// The version of the API. It is not the release, which Keystone does not report, so whether an advisory
/// concerns it can only be tested (see [`crate::ADVISORIES`]).
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
    /// Returns the version of the API, from `GET /v3`, which is open to everybody.
    pub async fn version(&self) -> Result<Version, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            version: Version,
        }
        let call = Call::new("read Keystone's version", Method::GET, Vec::new());
        let answer = self.0.transport.send(&call, None).await?;
        Ok(answer.json::<Envelope>()?.version)
    }
}
