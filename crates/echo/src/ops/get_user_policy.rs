//! [GetUserPolicy](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html).

use skykey_types::Credentials;

use crate::ask::{Ask, Service};
use crate::{Echo, EchoError, ProjectId};
use skykey_s3_client::xml::element;

impl Echo {
    /// A user policy as it was put; `None` if there is none of that name. Needs the capability
    /// `user-policy=read`.
    pub async fn user_policy(
        &self,
        admin: &Credentials,
        project: &ProjectId,
        name: &str,
    ) -> Result<Option<String>, EchoError> {
        let fields = [
            ("Action", "GetUserPolicy"),
            ("PolicyName", name),
            ("UserName", project.as_str()),
            ("Version", "2010-05-08"),
        ];
        let ask = Ask::form("read a user policy", Service::Iam, &fields).repeatable();
        let answer = self.send(admin, &ask).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(EchoError::refused(ask.operation, &answer).of_admin());
        }
        match element(&answer.text(), "PolicyDocument") {
            Some(document) => Ok(Some(document)),
            None => Err(EchoError::Unexpected {
                operation: ask.operation,
                why: "it holds no PolicyDocument".to_owned(),
            }),
        }
    }
}
