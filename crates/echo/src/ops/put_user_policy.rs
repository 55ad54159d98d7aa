//! [PutUserPolicy](https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html).

use skykey_types::Credentials;

use crate::ask::{Ask, Service};
use crate::{Echo, EchoError, ProjectId};

impl Echo {
    /// Puts a user policy. The project's user must exist ([`buckets`](Echo::buckets) makes it). Needs
    /// the capability `user-policy=write`.
    pub(crate) async fn put_user_policy(
        &self,
        admin: &Credentials,
        project: &ProjectId,
        name: &str,
        document: &str,
    ) -> Result<(), EchoError> {
        let fields = [
            ("Action", "PutUserPolicy"),
            ("PolicyDocument", document),
            ("PolicyName", name),
            ("UserName", project.as_str()),
            ("Version", "2010-05-08"),
        ];
        let ask = Ask::form("put a user policy", Service::Iam, &fields).repeatable();
        self.must(admin, &ask).await.map(drop)
    }
}
