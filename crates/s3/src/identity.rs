//! Who signs the request: the bridge from `s3s`, which knows an access key id only, to the broker,
//! which wants the session token too.

use std::sync::{Arc, OnceLock};

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3Result};
use skykey_broker::{Broker, Principal};
use skykey_serve::ClientAddr;
use skykey_types::{AccessKeyId, Secret};

use crate::access::deny;
use crate::error::denied;

tokio::task_local! {
    /// The request that this task is serving.
    pub(crate) static REQUEST: Arc<RequestIdentity>;
}

/// What is known of a request's sender. The principal is only believed once `s3s` has
/// verified the signature; until then nobody reads it.
#[derive(Debug, Default)]
pub(crate) struct RequestIdentity {
    token: Option<Secret>,
    client: Option<ClientAddr>,
    principal: OnceLock<Arc<Principal>>,
}

impl RequestIdentity {
    /// A request that brought this session token, from this client, if that is known.
    pub(crate) fn new(token: Option<Secret>, client: Option<ClientAddr>) -> Self {
        Self {
            token,
            client,
            principal: OnceLock::new(),
        }
    }

    /// Where it came from.
    pub(crate) fn client(&self) -> Option<ClientAddr> {
        self.client
    }

    /// Who it is, if somebody's key signed.
    pub(crate) fn principal(&self) -> Option<&Arc<Principal>> {
        self.principal.get()
    }
}

/// Gives `s3s` the secret of a key.
pub(crate) struct Auth(pub(crate) Arc<Broker>);

#[async_trait::async_trait]
impl S3Auth for Auth {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let request = REQUEST
            .try_with(Arc::clone)
            .map_err(S3Error::internal_error)?;
        let key = AccessKeyId::new(access_key);
        let principal = self
            .0
            .authenticate(&key, request.token.as_ref().map(Secret::expose))
            .await
            .map_err(|why| {
                tracing::info!(%key, %why, "request refused");
                denied(&why)
            })?;
        let secret = SecretKey::from(principal.secret_access_key.expose());
        // `s3s` asks once; were it to ask again, the first answer is the one that was verified.
        let _ = request.principal.set(principal);
        Ok(secret)
    }
}

/// For requests that have been verified and carry no signature any more: no key is known.
pub(crate) struct NoKeys;

#[async_trait::async_trait]
impl S3Auth for NoKeys {
    async fn get_secret_key(&self, _: &str) -> S3Result<SecretKey> {
        Err(deny("the request is signed twice"))
    }
}
