//! The login with an application credential, for machines.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;
use skykey_types::Secret;
use url::Url;

use crate::transport::{Call, Transport};
use crate::{Error, Token};

/// An application credential: a part of a person's rights in one project, for a program
/// ([application credentials](https://docs.openstack.org/keystone/latest/user/application_credentials.html)).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApplicationCredential {
    /// Its public half, `OS_APPLICATION_CREDENTIAL_ID`.
    pub id: String,
    /// Its secret, `OS_APPLICATION_CREDENTIAL_SECRET`.
    pub secret: Secret,
}

/// A client of one Keystone with only an application credential. Clones share the connections; tokens are
/// not cached.
#[derive(Clone)]
pub struct MachineLogin {
    transport: Transport,
    credential: ApplicationCredential,
}

impl MachineLogin {
    /// Creates a client of the Keystone at `url`, which is written as in `OS_AUTH_URL`: with `/v3` at its end or
    /// without. `authorities` is a PEM file of certificate authorities to trust in addition to the
    /// machine's. It does not connect yet.
    pub fn new(
        url: &Url,
        authorities: Option<PathBuf>,
        credential: ApplicationCredential,
    ) -> Result<Self, Error> {
        let transport = Transport::by_proxy(&with_version(url), authorities)?;
        Ok(Self {
            transport,
            credential,
        })
    }

    /// Requests a token for the project of the application credential, with its expiry, from `POST /v3/auth/tokens`.
    /// [`Error::Refused`] with 401 says that the credential is unknown or expired, or that its owner has lost
    /// the roles that it was created with: Keystone does not say which.
    pub async fn token(&self) -> Result<Token, Error> {
        self.transport
            .application_credential_token(&self.credential)
            .await
    }
}

impl fmt::Debug for MachineLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineLogin")
            .field("url", &self.transport.base())
            .field("credential", &self.credential.id)
            .finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) async fn application_credential_token(
        &self,
        with: &ApplicationCredential,
    ) -> Result<Token, Error> {
        let body = json!({"auth": {"identity": {
            "methods": ["application_credential"],
            "application_credential": {"id": with.id, "secret": with.secret.expose()},
        }}});
        let mut call = Call::asking(
            "log in at Keystone with an application credential",
            vec!["auth", "tokens"],
            Some(body),
        );
        call.secrets.push(&with.secret);
        self.send(&call, None).await?.token(true)
    }
}

/// Appends the API's version 3 if the address is only the service's.
fn with_version(url: &Url) -> Url {
    let mut url = url.clone();
    let names_one = url.path_segments().is_some_and(|mut segments| {
        let last = segments.rfind(|part| !part.is_empty());
        last.is_some_and(|part| {
            part.strip_prefix('v')
                .is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        })
    });
    if !names_one && let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("v3");
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_with_its_version_or_without() {
        for (given, meant) in [
            ("https://h:5000", "https://h:5000/v3"),
            ("https://h:5000/", "https://h:5000/v3"),
            ("https://h:5000/v3", "https://h:5000/v3"),
            ("https://h:5000/v3/", "https://h:5000/v3/"),
            ("https://h/identity", "https://h/identity/v3"),
            ("https://h/identity/v3", "https://h/identity/v3"),
            ("https://h/vault/", "https://h/vault/v3"),
            ("https://h/v2.0", "https://h/v2.0"),
        ] {
            assert_eq!(with_version(&given.parse().unwrap()).as_str(), meant);
        }
        let credential = ApplicationCredential {
            id: "i".to_owned(),
            secret: Secret::new("hunter2"),
        };
        let old = MachineLogin::new(&"https://h/v2.0".parse().unwrap(), None, credential.clone());
        assert!(matches!(old, Err(Error::Address(_))));
        let good = MachineLogin::new(&"https://h/".parse().unwrap(), None, credential).unwrap();
        assert!(!format!("{good:?}").contains("hunter2"));
    }
}
