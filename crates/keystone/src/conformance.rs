//! What every Keystone must do for skykey, as functions that fail by panicking. They run on the
//! embedded Keystone and on a real one, so that the two do not drift apart. Each cleans up behind
//! itself, unless it fails; they can run one after the other or at once, but
//! [`a_disabled_user_is_nobody`] only once, since it ends a user.

mod credentials;
mod identify;
mod logins;
mod machines;
mod own_token;
mod refusals;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use skykey_types::Clock;
use skykey_upstream::UpstreamMetrics;
use url::Url;

pub use self::credentials::*;
pub use self::identify::*;
pub use self::logins::*;
pub use self::machines::*;
pub use self::own_token::*;
pub use self::refusals::*;
use crate::{Caller, Ec2Credential, Keystone, Login, Project, ProjectRef, Settings, Token};

/// The Keystone to try, and who is there.
pub struct Stand {
    /// Ending in `/v3`.
    pub url: Url,
    /// What time it is there.
    pub clock: Arc<dyn Clock>,
    /// A user with the role `member`, and no other but what it implies, in the project that it
    /// logs in for, and in `second`.
    pub member: Login,
    /// Another project that the member is in.
    pub second: ProjectRef,
    /// A project in which the member has no role.
    pub foreign: ProjectRef,
    /// A user with the role `admin`, and `service` if that is needed to ask who signed.
    pub admin: Login,
    /// A user with the role `reader` alone in the project that it logs in for.
    pub reader: Option<Login>,
    /// A user like `member`, who gets disabled.
    pub doomed: Login,
    /// Disables the doomed user.
    pub disable: Disable,
}

/// Something that a test has done to the Keystone it made.
pub type Disable = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Runs all of them.
pub async fn all(stand: &Stand) -> ForeignProject {
    the_version_is_one_of_api_3(stand).await;
    a_password_opens_a_project(stand).await;
    a_login_for_no_project_gives_no_right(stand).await;
    a_wrong_password_is_refused(stand).await;
    a_project_without_a_role_is_refused(stand).await;
    a_token_is_exchanged_for_one_of_a_project(stand).await;
    an_ended_token_is_refused(stand).await;
    an_administrator_finds_projects_by_name(stand).await;
    a_credential_is_made_listed_and_deleted_once(stand).await;
    a_member_has_no_say_over_others(stand).await;
    an_administrator_has_a_say_over_others(stand).await;
    a_reader_may_not_make_credentials(stand).await;
    an_application_credential_may_not_make_credentials(stand).await;
    an_application_credentials_token_says_whose_it_is(stand).await;
    other_tokens_say_how_they_were_made(stand).await;
    a_member_is_not_told_about_others_tokens(stand).await;
    a_signature_alone_gives_no_token(stand).await;
    a_service_learns_who_signed(stand).await;
    a_member_may_not_ask_who_signed(stand).await;
    a_live_credential_is_identified(stand).await;
    a_deleted_credential_is_nobodys(stand).await;
    a_disabled_user_is_nobody(stand).await;
    many_at_once_make_one_login(stand).await;
    an_own_token_that_was_ended_is_replaced(stand).await;
    each_user_and_project_has_a_token_of_its_own(stand).await;
    a_credential_for_a_foreign_project_opens_nothing(stand).await
}

impl Stand {
    fn client(&self, login: &Login) -> Keystone {
        self.counted(login).0
    }

    /// A client with the counts of its calls.
    fn counted(&self, login: &Login) -> (Keystone, UpstreamMetrics) {
        let metrics = UpstreamMetrics::default();
        let settings = Settings {
            url: self.url.clone(),
            login: login.clone(),
            authorities: None,
            timeouts: None,
        };
        let keystone = Keystone::new(settings, &metrics, Arc::clone(&self.clock))
            .expect("the settings of a stand are good");
        (keystone, metrics)
    }

    /// The member's client, who they are, and their project.
    async fn as_member(&self) -> (Keystone, Token, Project) {
        let keystone = self.client(&self.member);
        let (token, project) = own(&keystone).await;
        (keystone, token, project)
    }

    /// The id of the project that the member is not in.
    async fn foreign_id(&self) -> String {
        self.client(&self.admin)
            .project_by_name(&self.foreign)
            .await
            .expect("an administrator may look up projects")
            .expect("the foreign project is there")
            .id
    }
}

impl fmt::Debug for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stand")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

/// Who a client is, and where.
async fn own(keystone: &Keystone) -> (Token, Project) {
    let token = keystone.own().await.expect("the user can log in");
    let project = token.project.clone().expect("the token is for a project");
    (token, project)
}

/// A new EC2 credential of the client's own.
async fn make(keystone: &Keystone, token: &Token, project: &Project) -> Ec2Credential {
    keystone
        .create_ec2(Caller::Own, &token.user.id, &project.id)
        .await
        .expect("a member can make an EC2 credential")
}

/// Deletes an EC2 credential of the client's own, which must be there.
async fn unmake(keystone: &Keystone, made: &Ec2Credential) {
    let deleted = keystone
        .delete_ec2(Caller::Own, &made.user_id, &made.access)
        .await;
    assert_eq!(deleted, Ok(true), "the credential can be deleted");
}

/// The access key ids of a user's credentials, sorted.
async fn listed(keystone: &Keystone, user_id: &str) -> Vec<String> {
    let found = keystone
        .list_ec2(Caller::Own, user_id)
        .await
        .expect("EC2 credentials can be listed");
    let mut found: Vec<String> = found
        .iter()
        .map(|credential| credential.access.to_string())
        .collect();
    found.sort_unstable();
    found
}
