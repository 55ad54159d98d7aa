//! Deletes an EC2 credential.

use http::Method;
use skykey_types::AccessKeyId;

use crate::transport::Call;
use crate::{Caller, Error, Keystone};

impl Keystone {
    /// Deletes the EC2 credential with `DELETE /v3/users/{user}/credentials/OS-EC2/{access}`;
    /// `false` if it did not exist. The caller must be the user, with the role `member`, or an
    /// administrator. Ceph's cache of it works up to 300 s longer.
    pub async fn delete_ec2(
        &self,
        caller: Caller<'_>,
        user_id: &str,
        access: &AccessKeyId,
    ) -> Result<bool, Error> {
        let path = vec!["users", user_id, "credentials", "OS-EC2", access.as_str()];
        match self
            .call(
                caller,
                &Call::new("delete the EC2 credential", Method::DELETE, path),
            )
            .await
        {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
