//! A user and their federated logins.

use http::Method;
use serde::Deserialize;

use crate::transport::Call;
use crate::{Caller, Error, FederatedLogin, Keystone, User};

impl Keystone {
    /// Returns the user with this id, or `None`, from `GET /v3/users/{user}` with our own token, which
    /// must be an administrator's (or the user's).
    pub async fn user(&self, id: &str) -> Result<Option<User>, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            user: Shape,
        }
        #[derive(Deserialize)]
        struct Shape {
            id: String,
            name: String,
            #[serde(default = "yes")]
            enabled: bool,
            #[serde(default)]
            federated: Vec<Provider>,
        }
        #[derive(Deserialize)]
        struct Provider {
            idp_id: String,
            #[serde(default)]
            protocols: Vec<Protocol>,
        }
        #[derive(Deserialize)]
        struct Protocol {
            #[serde(default)]
            protocol_id: String,
            unique_id: String,
        }
        fn yes() -> bool {
            true
        }
        let call = Call::new("look up the user", Method::GET, vec!["users", id]);
        let answer = match self.call(Caller::Own, &call).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            outcome => outcome?,
        };
        let Shape {
            id,
            name,
            enabled,
            federated,
        } = answer.json::<Envelope>()?.user;
        let mut logins = Vec::new();
        for Provider { idp_id, protocols } in federated {
            for Protocol {
                protocol_id: protocol,
                unique_id,
            } in protocols
            {
                let unique_id = decoded(&unique_id).ok_or_else(|| {
                    answer.unusable("a federated unique id is not text".to_owned())
                })?;
                logins.push(FederatedLogin {
                    provider: idp_id.clone(),
                    protocol,
                    unique_id,
                });
            }
        }
        Ok(Some(User {
            id,
            name,
            enabled,
            federated: logins,
        }))
    }
}

/// Keystone percent-encodes the unique id when it stores it.
fn decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .ok()
        .map(Into::into)
}
