//! The users that projects have at the gateway, and their policies. Every request here needs the keys of
//! a user of the gateway's own.

use skykey_s3_client::operations::{
    RgwUser, get_user, get_user_policy, list_user_policies, modify_user, put_user_policy,
};
use skykey_s3_client::{Request, S3Error};
use skykey_types::Credentials;
use skykey_upstream::Answer;

use crate::{Echo, EchoError, ProjectId};

impl Echo {
    /// Returns a project's user; `None` if nobody of the project ever made a request. Needs the capability
    /// `users=read`.
    pub async fn user(
        &self,
        admin: &Credentials,
        project: &ProjectId,
    ) -> Result<Option<RgwUser>, EchoError> {
        let request = get_user::request(project.as_str());
        match self.as_admin(admin, &request).await {
            // Without the code, it is the API that is not there.
            Err(error) if error.code() == Some("NoSuchUser") && is_missing(&error) => Ok(None),
            other => read(&request, &other?).map(Some),
        }
    }

    /// Suspends a whole project at once: every request of everybody is answered `UserSuspended`. **RGW
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

    /// Enables a suspended project. **RGW forgets the project's user policies**: take them with
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

    /// Returns a user policy as it was put; `None` if there is none of that name. Needs the capability
    /// `user-policy=read`.
    pub async fn user_policy(
        &self,
        admin: &Credentials,
        project: &ProjectId,
        name: &str,
    ) -> Result<Option<String>, EchoError> {
        let request = get_user_policy::request(project.as_str(), name);
        match self.as_admin(admin, &request).await {
            Err(error) if is_missing(&error) => Ok(None),
            other => {
                let document = get_user_policy::document(&other?);
                Ok(Some(document.map_err(|why| request.unexpected(why))?))
            }
        }
    }

    /// Returns the names of a project's user policies. A user without any and one that does not exist are
    /// answered alike by RGW: none. Needs the capability `user-policy=read`.
    pub async fn user_policy_names(
        &self,
        admin: &Credentials,
        project: &ProjectId,
    ) -> Result<Vec<String>, EchoError> {
        let request = list_user_policies::request(project.as_str());
        match self.as_admin(admin, &request).await {
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            other => Ok(list_user_policies::names(&other?)),
        }
    }

    /// Puts a user policy. The project's user must exist ([`mine`](Echo::mine) makes it). Needs the
    /// capability `user-policy=write`.
    pub(crate) async fn put_user_policy(
        &self,
        admin: &Credentials,
        project: &ProjectId,
        name: &str,
        document: &str,
    ) -> Result<(), EchoError> {
        let request = put_user_policy::request(project.as_str(), name, document);
        self.as_admin(admin, &request).await.map(drop)
    }

    async fn modify(
        &self,
        action: &'static str,
        admin: &Credentials,
        project: &ProjectId,
        change: &[(&str, &str)],
    ) -> Result<RgwUser, EchoError> {
        let request = modify_user::request(action, project.as_str(), change);
        read(&request, &self.as_admin(admin, &request).await?)
    }

    async fn as_admin(&self, admin: &Credentials, request: &Request) -> Result<Answer, EchoError> {
        self.call(admin, request).await.map_err(EchoError::of_admin)
    }
}

fn is_missing(error: &EchoError) -> bool {
    matches!(error, EchoError::Refused { status: 404, .. })
}

fn read(request: &Request, answer: &Answer) -> Result<RgwUser, EchoError> {
    let user: Result<RgwUser, S3Error> =
        RgwUser::read(answer).map_err(|why| request.unexpected(why));
    Ok(user?)
}
