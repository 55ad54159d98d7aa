//! [Modify user](https://docs.ceph.com/en/pacific/radosgw/adminops/#modify-user), of the admin API.

use http::Method;
use skykey_types::Credentials;

use crate::admin::RgwUser;
use crate::ask::Ask;
use crate::{Echo, EchoError, ProjectId};

impl Echo {
    /// Stops a whole project at once: every request of everybody is answered `UserSuspended`. **RGW
    /// forgets the project's user policies.** Needs the capability `users=write`, as all below.
    pub async fn suspend(
        &self,
        admin: &Credentials,
        project: &ProjectId,
    ) -> Result<RgwUser, EchoError> {
        let change = [("suspended", "1")];
        self.modify("suspend a project", admin, project, &change)
            .await
    }

    /// Lets a suspended project go on. **RGW forgets the project's user policies**: take them with
    /// [`user_policy::remember`](crate::user_policy::remember) before suspending and put them back
    /// with [`user_policy::put_back`](crate::user_policy::put_back) after.
    pub async fn enable(
        &self,
        admin: &Credentials,
        project: &ProjectId,
    ) -> Result<RgwUser, EchoError> {
        let change = [("suspended", "0")];
        self.modify("enable a project", admin, project, &change)
            .await
    }

    /// Sets the operation mask to reading alone and forbids buckets of one's own, which no policy
    /// widens again. **RGW forgets the project's user policies**, as with [`enable`](Self::enable).
    pub async fn limit_to_reading(
        &self,
        admin: &Credentials,
        project: &ProjectId,
    ) -> Result<RgwUser, EchoError> {
        let change = [("max-buckets", "-1"), ("op-mask", "read")];
        self.modify("limit a project to reading", admin, project, &change)
            .await
    }

    async fn modify(
        &self,
        operation: &'static str,
        admin: &Credentials,
        project: &ProjectId,
        change: &[(&str, &str)],
    ) -> Result<RgwUser, EchoError> {
        let mut query = vec![("format", "json"), ("uid", project.as_str())];
        query.extend_from_slice(change);
        let ask = Ask::admin_user(operation, Method::POST)
            .query(&query)
            .repeatable();
        let answer = self.must(admin, &ask).await?;
        RgwUser::read(operation, &answer)
    }
}
