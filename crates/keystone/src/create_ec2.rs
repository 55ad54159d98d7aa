//! Creates an EC2 credential.

use http::Method;
use serde::Deserialize;
use serde_json::json;
use skykey_types::{AccessKeyId, Secret};

use crate::transport::Call;
use crate::{Caller, Ec2Credential, Error, Keystone};

/// `{"credential": …}` of OS-EC2.
#[derive(Deserialize)]
pub(crate) struct Shape {
    access: AccessKeyId,
    secret: Secret,
    user_id: String,
    #[serde(alias = "project_id")]
    tenant_id: String,
}

impl From<Shape> for Ec2Credential {
    fn from(shape: Shape) -> Self {
        Self {
            access: shape.access,
            secret: shape.secret,
            user_id: shape.user_id,
            project_id: shape.tenant_id,
        }
    }
}

impl Keystone {
    /// Creates an EC2 credential of the user for the project, with
    /// `POST /v3/users/{user}/credentials/OS-EC2`. It does not expire. The caller must be the user,
    /// with the role `member` in the token's project, or an administrator.
    ///
    /// Keystone does not check that the user is a member of the project; the credential of one
    /// who is not works nowhere until they become one.
    pub async fn create_ec2(
        &self,
        caller: Caller<'_>,
        user_id: &str,
        project_id: &str,
    ) -> Result<Ec2Credential, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            credential: Shape,
        }
        let path = vec!["users", user_id, "credentials", "OS-EC2"];
        let mut call = Call::new("make an EC2 credential", Method::POST, path);
        call.body = Some(json!({"tenant_id": project_id}));
        let made: Envelope = self.call(caller, &call).await?.json()?;
        Ok(made.credential.into())
    }
}
