//! [ListUserPolicies](https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserPolicies.html).

use skykey_types::Credentials;

use crate::ask::{Ask, Service};
use crate::{Echo, EchoError, ProjectId};
use skykey_s3_client::xml::elements;

impl Echo {
    /// The names of a project's user policies. A user without any and one that does not exist are
    /// answered alike by RGW: none. Needs the capability `user-policy=read`.
    pub async fn user_policy_names(
        &self,
        admin: &Credentials,
        project: &ProjectId,
    ) -> Result<Vec<String>, EchoError> {
        let fields = [
            ("Action", "ListUserPolicies"),
            ("UserName", project.as_str()),
            ("Version", "2010-05-08"),
        ];
        let ask = Ask::form("list user policies", Service::Iam, &fields).repeatable();
        let answer = self.send(admin, &ask).await?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        if !answer.is_success() {
            return Err(EchoError::refused(ask.operation, &answer).of_admin());
        }
        Ok(elements(&answer.text(), "member").collect())
    }
}
