//! The login with an access token of the IAM.

use skykey_types::Secret;

use crate::transport::Call;
use crate::{Error, Keystone, Token};

impl Keystone {
    /// Requests a token without a project for the owner of this IAM access token, from
    /// `POST /v3/OS-FEDERATION/identity_providers/{idp}/protocols/{protocol}/auth`; as
    /// `openstack` does with `--os-auth-type v3oidcaccesstoken`.
    pub async fn federated_token(
        &self,
        idp: &str,
        protocol: &str,
        iam_access_token: &Secret,
    ) -> Result<Token, Error> {
        let path = vec![
            "OS-FEDERATION",
            "identity_providers",
            idp,
            "protocols",
            protocol,
            "auth",
        ];
        let mut call = Call::asking("log in at Keystone with an IAM token", path, None);
        call.bearer = Some(iam_access_token);
        self.0.transport.send(&call, None).await?.token(false)
    }
}
