use skykey_types::{Lease, LeaseEnd, LeaseId, Method};

use super::{Handles, actions, after, audit, deletion, record, subject, survey};
use crate::{ChangeCursor, Database, LeaseRecord, Revocation};

async fn store(database: &dyn Database, record: &LeaseRecord) {
    let audit = audit(&record.lease.username, "issue");
    database.insert_lease(record, &audit).await.expect("stored");
}

async fn revoke(database: &dyn Database, lease: &LeaseId, at: i64, why: LeaseEnd) -> bool {
    let revocation = Revocation {
        lease,
        at: after(at),
        why,
        audit: &audit("alice", "revoke"),
        deletion: None,
    };
    database.revoke_lease(&revocation).await.expect("an answer")
}

async fn reinstate(database: &dyn Database, lease: &LeaseId) -> bool {
    let audit = audit("alice", "reinstate");
    let reinstated = database.reinstate_lease(lease, &audit).await;
    reinstated.expect("an answer")
}

async fn read(database: &dyn Database, lease: &LeaseId) -> Lease {
    let found = database.lease(lease).await.expect("an answer");
    found.expect("a lease").lease
}

/// Every field comes back, to the other process too; an unknown lease is none.
pub async fn a_lease_is_read_as_it_was_stored(Handles { one, other }: &Handles) {
    for method in Method::ALL {
        let mut stored = record("alice", method.as_str(), method);
        if method == Method::Gateway {
            (stored.lease.asked, stored.lease.expires) = (None, None);
        }
        store(&**one, &stored).await;
        let found = other.lease(&stored.lease.id).await.expect("an answer");
        assert_eq!(found, Some(stored));
    }
    let leases = other.leases_of(&subject("alice")).await.expect("leases");
    assert_eq!(leases.len(), Method::ALL.len());
    let none = other.leases_of(&subject("bob")).await.expect("leases");
    assert_eq!(none, []);
    let unknown = other.lease(&LeaseId::from_text("lease-none")).await;
    assert_eq!(unknown.expect("an answer"), None);
}

/// A second lease of the same credentials fails, and leaves no audit.
pub async fn a_lease_is_stored_with_its_audit_or_not_at_all(Handles { one, other }: &Handles) {
    let lease = record("alice", "key", Method::Gateway);
    store(&**one, &lease).await;
    let again = other.insert_lease(&lease, &audit("alice", "issue")).await;
    assert!(again.is_err());
    assert_eq!(actions(one).await, ["issue"]);
}

/// Of two processes that see the same credentials first, one stores the lease.
pub async fn a_lease_is_adopted_once(Handles { one, other }: &Handles) {
    let lease = record("alice", "key", Method::Ec2);
    let adopt = audit("alice", "adopt");
    let (first, second) = tokio::join!(
        one.adopt_lease(&lease, &adopt),
        other.adopt_lease(&lease, &adopt)
    );
    let (first, second) = (first.expect("an answer"), second.expect("an answer"));
    assert!(first.is_none() != second.is_none(), "{first:?} {second:?}");
    assert_eq!(first.or(second), Some(lease));
    assert_eq!(actions(one).await, ["adopt"]);
}

/// Neither a revoked nor an expired lease is live; one without an end is until it is revoked.
pub async fn leases_are_live_until_they_expire_or_are_revoked(Handles { one, other }: &Handles) {
    let hour = record("alice", "hour", Method::Gateway);
    let mut endless = record("alice", "endless", Method::Ec2);
    endless.lease.expires = None;
    let revoked = record("alice", "revoked", Method::Gateway);
    for record in [&hour, &endless, &revoked] {
        store(&**one, record).await;
    }
    assert!(revoke(&**one, &revoked.lease.id, 1, LeaseEnd::Removed).await);
    let live = async |at| {
        let found = other.live_leases(after(at)).await.expect("leases");
        let mut ids: Vec<LeaseId> = found.into_iter().map(|record| record.lease.id).collect();
        ids.sort();
        ids
    };
    let mut both = vec![hour.lease.id.clone(), endless.lease.id.clone()];
    both.sort();
    assert_eq!(live(3599).await, both);
    assert_eq!(live(3600).await, [endless.lease.id]);
}

/// Of two revocations for the same reason one counts, and writes the audit.
pub async fn a_lease_is_revoked_once(Handles { one, other }: &Handles) {
    let lease = record("alice", "key", Method::Gateway);
    store(&**one, &lease).await;
    let id = &lease.lease.id;
    let (first, second) = tokio::join!(
        revoke(&**one, id, 10, LeaseEnd::Removed),
        revoke(&**other, id, 11, LeaseEnd::Removed)
    );
    assert!(first != second, "it was revoked {first} and {second}");
    let at = if first { 10 } else { 11 };
    let revoked = read(&**other, id).await.revoked;
    assert_eq!(revoked, Some((after(at), LeaseEnd::Removed)));
    assert_eq!(actions(one).await, ["issue", "revoke"]);
    let unknown = LeaseId::from_text("lease-none");
    assert!(!revoke(&**one, &unknown, 12, LeaseEnd::Removed).await);
}

/// What was given back stays given back.
pub async fn a_removed_lease_can_be_given_back_and_not_the_other_way(handles: &Handles) {
    let Handles { one, other } = handles;
    let lease = record("alice", "key", Method::Gateway);
    store(&**one, &lease).await;
    let id = &lease.lease.id;
    assert!(revoke(&**one, id, 10, LeaseEnd::Removed).await);
    assert!(revoke(&**other, id, 20, LeaseEnd::Returned).await);
    assert!(!revoke(&**one, id, 30, LeaseEnd::Removed).await);
    assert!(!revoke(&**other, id, 40, LeaseEnd::Returned).await);
    let revoked = read(&**one, id).await.revoked;
    assert_eq!(revoked, Some((after(20), LeaseEnd::Returned)));
}

/// A removed lease is live again, once; one that was given back is not.
pub async fn a_lease_is_reinstated_unless_it_was_given_back(Handles { one, other }: &Handles) {
    let lease = record("alice", "key", Method::Gateway);
    store(&**one, &lease).await;
    let id = &lease.lease.id;
    revoke(&**one, id, 10, LeaseEnd::Removed).await;
    assert!(reinstate(&**other, id).await);
    assert_eq!(read(&**one, id).await.revoked, None);
    assert!(reinstate(&**one, id).await, "it is live already");
    assert_eq!(actions(one).await, ["issue", "revoke", "reinstate"]);
    revoke(&**other, id, 20, LeaseEnd::Returned).await;
    assert!(!reinstate(&**one, id).await);
    let unknown = LeaseId::from_text("lease-none");
    assert!(!reinstate(&**one, &unknown).await);
}

/// Whatever the order in which the two arrive, the lease has ended.
pub async fn revoking_and_giving_back_at_once_ends_given_back(Handles { one, other }: &Handles) {
    for round in 0..20 {
        let lease = record("alice", &format!("key-{round}"), Method::Gateway);
        store(&**one, &lease).await;
        let id = &lease.lease.id;
        revoke(&**one, id, 10, LeaseEnd::Removed).await;
        tokio::join!(
            reinstate(&**one, id),
            revoke(&**other, id, 20, LeaseEnd::Returned)
        );
        let revoked = read(&**one, id).await.revoked;
        assert_eq!(revoked, Some((after(20), LeaseEnd::Returned)));
    }
}

/// The other process learns of each revocation and reinstatement by any process.
pub async fn changes_are_seen_by_the_other_process_and_none_is_skipped(handles: &Handles) {
    let Handles { one, other } = handles;
    let leases: Vec<LeaseRecord> = (0..3)
        .map(|number| record("alice", &format!("key-{number}"), Method::Gateway))
        .collect();
    for lease in &leases {
        store(&**one, lease).await;
    }
    let id = |number: usize| &leases[number].lease.id;
    revoke(&**one, id(0), 10, LeaseEnd::Removed).await;
    let start = other.revoked_leases(after(20)).await.expect("leases");
    assert_eq!(start.leases, [read(&**one, id(0)).await]);
    let none = other.lease_changes(start.cursor).await.expect("changes");
    assert!(none.leases.is_empty() && none.cursor == start.cursor);
    revoke(&**one, id(1), 30, LeaseEnd::Returned).await;
    reinstate(&**other, id(0)).await;
    let changes = other.lease_changes(start.cursor).await.expect("changes");
    let ids: Vec<&LeaseId> = changes.leases.iter().map(|lease| &lease.id).collect();
    assert_eq!(ids, [id(1), id(0)]);
    assert_eq!(changes.leases[1].revoked, None);
    assert!(changes.cursor > start.cursor);
    let (first, second) = tokio::join!(
        revoke(&**one, id(0), 40, LeaseEnd::Removed),
        revoke(&**other, id(2), 40, LeaseEnd::Removed)
    );
    assert!(first && second);
    let all = one.lease_changes(changes.cursor).await.expect("changes");
    assert_eq!(all.leases.len(), 2);
    let all = one.lease_changes(ChangeCursor::default()).await;
    assert_eq!(all.expect("changes").leases.len(), 3, "each at most once");
    let expired = one.revoked_leases(after(3600)).await.expect("leases");
    assert!(expired.leases.is_empty() && expired.cursor > changes.cursor);
}

/// The newest of the subject's, or of one survey.
pub async fn the_last_removal_is_found(Handles { one, other }: &Handles) {
    let alice = subject("alice");
    let last = async |survey: Option<&str>| {
        let survey = survey.map(|name| name.parse().expect("a survey's name"));
        let found = other.last_removal(&alice, survey.as_ref()).await;
        let found = found.expect("an answer");
        found.map(|(survey, at)| (survey.to_string(), at))
    };
    assert_eq!(last(None).await, None);
    for (key, name, at, why) in [
        ("a", "demo", 10, LeaseEnd::Removed),
        ("b", "other", 20, LeaseEnd::Removed),
        ("c", "demo", 30, LeaseEnd::Returned),
    ] {
        let mut lease = record("alice", key, Method::Gateway);
        lease.lease.survey = name.parse().expect("a survey's name");
        store(&**one, &lease).await;
        revoke(&**one, &lease.lease.id, at, why).await;
    }
    assert_eq!(last(None).await, Some(("other".to_owned(), after(20))));
    let demo = last(Some("demo")).await;
    assert_eq!(demo, Some(("demo".to_owned(), after(10))));
    assert_eq!(last(Some("third")).await, None);
}

/// Those of revoked and of expired leases; noted once.
pub async fn ec2_credentials_of_ended_leases_are_deleted_once(Handles { one, other }: &Handles) {
    let lease = record("alice", "ec2", Method::Ec2);
    for record in [&lease, &record("alice", "gateway", Method::Gateway)] {
        store(&**one, record).await;
    }
    let ended = async |at| other.ended_ec2_leases(after(at)).await.expect("leases");
    assert_eq!(ended(3599).await, []);
    assert_eq!(ended(3600).await, std::slice::from_ref(&lease));
    revoke(&**one, &lease.lease.id, 10, LeaseEnd::Removed).await;
    assert_eq!(ended(11).await.len(), 1);
    let noted = async |database: &dyn Database| {
        let noted = database.ec2_deleted(&lease.lease.id, after(12)).await;
        noted.expect("an answer")
    };
    assert!(noted(&**other).await);
    assert!(!noted(&**one).await);
    assert_eq!(ended(3600).await, []);
}

/// Live leases and their people, removals, and what is left to delete.
pub async fn a_projects_leases_are_counted(Handles { one, other }: &Handles) {
    let project = "demo-ro".parse().expect("a project's name");
    for (who, key) in [("alice", "a"), ("alice", "b"), ("bob", "c")] {
        store(&**one, &record(who, key, Method::StsLite)).await;
    }
    let count = async |at| {
        let counted = other.project_leases(&survey(), &project, after(at)).await;
        counted.expect("an answer")
    };
    let counted = count(5).await;
    assert_eq!((counted.people, counted.live), (2, 3));
    assert_eq!((counted.revoked_until, counted.ec2_ended), (None, None));
    let bobs = record("bob", "c", Method::StsLite).lease.id;
    let revocation = Revocation {
        lease: &bobs,
        at: after(10),
        why: LeaseEnd::Removed,
        audit: &audit("bob", "revoke"),
        deletion: Some(&deletion("bob", after(10))),
    };
    assert!(one.revoke_lease(&revocation).await.expect("an answer"));
    let counted = count(20).await;
    assert_eq!((counted.people, counted.live), (1, 2));
    assert_eq!(counted.revoked_until, Some(after(3600)));
    assert_eq!(counted.pending_deletions, 1);
    assert_eq!(counted.ec2_ended, Some(after(20)), "not deleted yet");
    let pending = one.pending_deletions().await.expect("deletions");
    let finished = one.finish_deletion(pending[0].0, after(10), None).await;
    assert!(finished.expect("an answer"));
    assert_eq!(count(20).await.ec2_ended, Some(after(10)));
}
