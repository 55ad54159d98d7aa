//! Lists a user's EC2 credentials.

use http::Method;
use serde::Deserialize;

use crate::create_ec2::Shape;
use crate::transport::Call;
use crate::{Caller, Ec2Credential, Error, Keystone};

impl Keystone {
    /// Lists all EC2 credentials of the user with their secrets, for every project, from
    /// `GET /v3/users/{user}/credentials/OS-EC2`. The caller must be the user or an administrator.
    /// An unknown user has none.
    pub async fn list_ec2(
        &self,
        caller: Caller<'_>,
        user_id: &str,
    ) -> Result<Vec<Ec2Credential>, Error> {
        #[derive(Deserialize)]
        struct Envelope {
            credentials: Vec<Shape>,
        }
        let path = vec!["users", user_id, "credentials", "OS-EC2"];
        let call = Call::new("list the EC2 credentials", Method::GET, path);
        let answer = match self.call(caller, &call).await {
            Err(Error::NotFound { .. }) => return Ok(Vec::new()),
            outcome => outcome?,
        };
        let found: Envelope = answer.json()?;
        Ok(found.credentials.into_iter().map(Into::into).collect())
    }
}
