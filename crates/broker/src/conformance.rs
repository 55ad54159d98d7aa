//! What every implementation of the port [`Database`] must do, as functions that fail by panicking.
//!
//! Each is given two handles on one new, empty database, as two processes have them: what one does
//! the other must see, and where both want the same only one may get it.

#![expect(
    clippy::expect_used,
    reason = "a conformance test that cannot go on fails"
)]

mod audit;
mod backend_keys;
mod deletions;
mod leases;
mod logins;
mod proofs;

use std::sync::Arc;

use skykey_types::{
    Access, AccessKeyId, Lease, LeaseId, Lifetime, Limit, Limits, Method, Roles, SignedDuration,
    SubjectId, Survey, Timestamp,
};

pub use self::audit::*;
pub use self::backend_keys::*;
pub use self::deletions::*;
pub use self::leases::*;
pub use self::logins::*;
pub use self::proofs::*;
use crate::{Audit, Database, LeaseRecord, PendingDeletion};

/// Two handles on one database.
#[derive(Clone)]
pub struct Handles {
    /// One process's.
    pub one: Arc<dyn Database>,
    /// The other's.
    pub other: Arc<dyn Database>,
}

/// Runs all of them, each on a new database that `open` makes.
pub async fn all(open: impl AsyncFn() -> Handles) {
    the_audit_is_read_from_the_newest_entry_on(&open().await).await;
    the_audit_names_the_request(&open().await).await;
    a_lease_is_read_as_it_was_stored(&open().await).await;
    a_lease_is_stored_with_its_audit_or_not_at_all(&open().await).await;
    a_lease_is_adopted_once(&open().await).await;
    leases_are_live_until_they_expire_or_are_revoked(&open().await).await;
    a_lease_is_revoked_once(&open().await).await;
    a_removed_lease_can_be_given_back_and_not_the_other_way(&open().await).await;
    a_lease_is_reinstated_unless_it_was_given_back(&open().await).await;
    revoking_and_giving_back_at_once_ends_given_back(&open().await).await;
    changes_are_seen_by_the_other_process_and_none_is_skipped(&open().await).await;
    the_last_removal_is_found(&open().await).await;
    ec2_credentials_of_ended_leases_are_deleted_once(&open().await).await;
    a_projects_leases_are_counted(&open().await).await;
    a_deletion_is_stored_with_the_removal_and_finished_once(&open().await).await;
    a_deletion_is_claimed_by_one_process(&open().await).await;
    a_second_removal_renews_a_deletion(&open().await).await;
    a_backend_key_is_replaced_only_if_it_is_still_the_same(&open().await).await;
    the_use_of_a_backend_key_never_goes_back(&open().await).await;
    a_login_is_forgotten_only_if_it_is_still_the_same(&open().await).await;
    the_newest_proof_is_kept(&open().await).await;
}

/// The time at which everything happens, or so many seconds later.
fn after(seconds: i64) -> Timestamp {
    let start: Timestamp = "2027-01-01T00:00:00Z".parse().expect("a time");
    start + SignedDuration::from_secs(seconds)
}

fn subject(who: &str) -> SubjectId {
    SubjectId {
        issuer: "https://iam.example/".to_owned(),
        sub: who.to_owned(),
    }
}

fn audit(who: &str, action: &'static str) -> Audit {
    Audit {
        at: after(0),
        subject: subject(who),
        username: who.to_owned(),
        action,
        yes: true,
        reason: format!("{action} for a test"),
        survey: Some("demo".to_owned()),
        method: None,
        lease: None,
        request_id: None,
    }
}

/// A lease of an hour to read `demo`.
fn record(who: &str, key: &str, method: Method) -> LeaseRecord {
    let access_key_id = AccessKeyId::new(key);
    LeaseRecord {
        lease: Lease {
            id: LeaseId::of(&access_key_id),
            subject: subject(who),
            username: who.to_owned(),
            survey: "demo".parse().expect("a survey's name"),
            access: Access::Read,
            method,
            access_key_id,
            asked: Some(Lifetime::seconds(3600)),
            limit: Limit::Asked,
            issued: after(0),
            expires: Some(after(3600)),
            revoked: None,
        },
        keystone_user: (method == Method::Ec2).then(|| format!("ks-{who}")),
    }
}

fn deletion(who: &str, since: Timestamp) -> PendingDeletion {
    PendingDeletion {
        subject: subject(who),
        keystone_user: None,
        project: "demo-ro".parse().expect("a project's name"),
        username: who.to_owned(),
        survey: "demo".to_owned(),
        reason: "left".to_owned(),
        since,
    }
}

fn survey() -> Survey {
    Survey {
        name: "demo".parse().expect("a survey's name"),
        title: "A survey".to_owned(),
        prefixes: Vec::new(),
        readers: Vec::new(),
        curators: Vec::new(),
        data_project: "demo-data".parse().expect("a project's name"),
        readers_project: "demo-ro".parse().expect("a project's name"),
        lifetime: Limits::SURVEY,
        cut: None,
        methods: Method::ALL.to_vec(),
        roles: Roles::default(),
    }
}

/// The actions in the audit, the oldest first.
async fn actions(database: &Arc<dyn Database>) -> Vec<String> {
    let mut entries = database.audit_trail(1000).await.expect("the audit");
    entries.reverse();
    entries.into_iter().map(|entry| entry.action).collect()
}
