//! [Get user info](https://docs.ceph.com/en/pacific/radosgw/adminops/#get-user-info), of the admin API.

use http::Method;
use skykey_types::Credentials;

use crate::admin::RgwUser;
use crate::ask::Ask;
use crate::{Echo, EchoError, ProjectId};

impl Echo {
    /// A project's user at the gateway; `None` if no one of the project ever made a request. Needs the
    /// capability `users=read`.
    pub async fn user(
        &self,
        admin: &Credentials,
        project: &ProjectId,
    ) -> Result<Option<RgwUser>, EchoError> {
        let ask = Ask::admin_user("read a user at the gateway", Method::GET)
            .query(&[("format", "json"), ("uid", project.as_str())]);
        let answer = self.send(admin, &ask).await?;
        if answer.status == 404 {
            let refused = EchoError::refused(ask.operation, &answer).of_admin();
            return match refused.code() {
                Some("NoSuchUser") => Ok(None),
                // The API is not there: 404 as well.
                _ => Err(refused),
            };
        }
        if !answer.is_success() {
            return Err(EchoError::refused(ask.operation, &answer).of_admin());
        }
        RgwUser::read(ask.operation, &answer).map(Some)
    }
}
